import Foundation
import Testing

/// Expected texts in files beside the tests. `UPDATE_GOLDEN=1 swift test` writes them anew; what changed is then read
/// in the diff.
enum Golden {
    static func expect(_ actual: String, in name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(actual.utf8).write(to: file)
            return
        }
        let expected = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        let lines = zip(actual.split(separator: "\n"), expected.split(separator: "\n"))
        let difference = lines.first { $0 != $1 }
        #expect(
            actual == expected, "\(name): first difference \(difference.map { "\($0)" } ?? "in length")",
            sourceLocation: sourceLocation)
    }
}
