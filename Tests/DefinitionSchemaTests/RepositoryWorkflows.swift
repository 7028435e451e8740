import Foundation
import JSON
import YAML

/// Every definition that stands in the repository: files, and blocks of YAML in its pages.
enum RepositoryWorkflows {
    struct Definition {
        let name: String
        let document: JSON
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Folders that hold no definition of ours, or ones that are broken on purpose.
    private static let leftOut = [".build", ".git", ".build-fuzz", "Golden", "Broken"]

    static func all() throws -> [Definition] {
        var found: [Definition] = []
        let keys: [URLResourceKey] = [.isDirectoryKey]
        guard let walk = FileManager.default.enumerator(at: root, includingPropertiesForKeys: keys) else { return [] }
        for case let file as URL in walk {
            if leftOut.contains(file.lastPathComponent) {
                walk.skipDescendants()
                continue
            }
            let name = file.lastPathComponent
            if [".asl.yaml", ".asl.yml", ".asl.json"].contains(where: name.hasSuffix) {
                let tree = try YAMLDocument.parse(Array(try Data(contentsOf: file)))
                found.append(Definition(name: name, document: tree.json))
            } else if name.hasSuffix(".md") {
                found += try blocks(in: try String(contentsOf: file, encoding: .utf8), of: name)
            }
        }
        return found.sorted { $0.name < $1.name }
    }

    /// The blocks of a page that are whole definitions.
    private static func blocks(in page: String, of name: String) throws -> [Definition] {
        let parts = page.components(separatedBy: "\n```")
        var found: [Definition] = []
        for (index, part) in parts.enumerated() where part.hasPrefix("yaml\n") {
            let text = part.dropFirst(5)
            guard text.contains("StartAt:"), text.contains("\nStates:") else { continue }
            let tree = try YAMLDocument.parse(Array(text.utf8))
            found.append(Definition(name: "\(name), block \(index)", document: tree.json))
        }
        return found
    }
}
