import Glibc

/// A folder for one test, removed with what the test wrote into it.
public final class TemporaryFolder {
    public let path: String
    private var files: [String] = []

    public init() throws {
        var template = Array("/tmp/showrunner-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure(code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for file in files { unlink(file) }
        rmdir(path)
    }

    /// The path of a file that the test will make.
    public func expect(_ name: String) -> String {
        let file = "\(path)/\(name)"
        if !files.contains(file) { files.append(file) }
        return file
    }

    public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        files.append(file)
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemFailure(code: errno) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SystemFailure(code: errno) }
            rest = rest.dropFirst(count)
        }
        return file
    }
}

public struct SystemFailure: Error, CustomStringConvertible {
    public let code: CInt
    public var description: String { String(cString: strerror(code)) }
}
