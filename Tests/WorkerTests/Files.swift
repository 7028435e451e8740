import Glibc
import TemporaryFolder

extension TemporaryFolder {
    /// For suites' properties, which can't throw.
    static func made() -> TemporaryFolder {
        do { return try TemporaryFolder() } catch { preconditionFailure("there is no temporary folder: \(error)") }
    }

    func file(_ name: String, _ text: String) throws -> String { try write(name, text.utf8) }
}

/// A file's text, nil when there is none.
func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count <= 0 { break }
        bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}
