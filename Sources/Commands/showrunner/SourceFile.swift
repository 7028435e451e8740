import ArgumentParser
import JSON
import TerminalOutput
import YAML

/// Files in YAML or JSON that people write, and what is wrong in them as `file:line:column: error: reason`.
enum SourceFile {
    /// Why what a file holds is neither YAML nor JSON, with the place.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// What stands in a file, with its places. Throws where it can't be read.
    ///
    /// - Parameter limit: in bytes; anything larger is something else.
    static func read(
        _ path: String, limit: Int = YAMLDocument.maximumBytes
    ) throws(FileBytes.Unreadable) -> Result<SourceTree, Malformed> {
        let bytes = try FileBytes.read(path, limit: limit)
        do throws(YAMLError) { return .success(try YAMLDocument.parse(bytes)) } catch {
            return .failure(Malformed(description: problem(path, error.place, error.reason)))
        }
    }

    /// The same for a command that is about this file: what is malformed is told, and ends it as wrong use.
    static func readOrExit(_ path: String, limit: Int = YAMLDocument.maximumBytes) throws -> SourceTree {
        switch try read(path, limit: limit) {
        case .success(let tree): return tree
        case .failure(let problem):
            Terminal.error(problem.description)
            throw ExitCode(2)
        }
    }

    /// In the order of the file.
    static func problems(_ path: String, _ faults: [(place: SourcePlace, reason: String)]) -> [String] {
        faults.sorted { ($0.place.line, $0.place.column) < ($1.place.line, $1.place.column) }
            .map { problem(path, $0.place, $0.reason) }
    }

    private static func problem(_ path: String, _ place: SourcePlace, _ reason: String) -> String {
        "\(path):\(place.line):\(place.column): error: \(reason)"
    }
}
