import Glibc
import Synchronization

/// A folder for one test, removed with all that is in it when the last who has it lets go.
public final class TemporaryFolder: Sendable {
    public let path: String

    private static let kept = Mutex<[TemporaryFolder]>([])

    /// The path of a folder that goes when the process ends: Swift Testing has no hook after the last test.
    public static func untilExit() throws -> String {
        let folder = try TemporaryFolder()
        kept.withLock { $0.append(folder) }
        atexit { TemporaryFolder.kept.withLock { $0.removeAll() } }
        return folder.path
    }

    /// - Parameter parent: where it is made; only this account may enter it.
    public init(in parent: String = "/tmp") throws {
        var template = Array("\(parent)/showrunner-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure(code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { remove() }

    /// Removes it already, for a process that ends and lets nothing go.
    public func remove() {
        Self.remove(path)
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        let words = Array("the folder \(path) stays behind\n".utf8)
        _ = Glibc.write(STDERR_FILENO, words, words.count)
    }

    /// The path of a file in it, which need not be there.
    public func place(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file; gives its path.
    @discardableResult
    public func write(_ name: String, _ bytes: some Collection<UInt8>) throws -> String {
        let file = place(name)
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemFailure(code: errno) }
        defer { close(descriptor) }
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SystemFailure(code: errno) }
            rest = rest.dropFirst(count)
        }
        return file
    }

    public func read(_ name: String) throws -> [UInt8] {
        let descriptor = open(place(name), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemFailure(code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw SystemFailure(code: errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// Makes a folder in it; gives its path.
    public func make(_ name: String) throws -> String {
        guard mkdir(place(name), 0o755) == 0 else { throw SystemFailure(code: errno) }
        return place(name)
    }

    /// The names in the folder, or in one below it, sorted.
    public func names(_ below: String = "") throws -> [String] {
        guard let names = Self.list(place(below)) else { throw SystemFailure(code: errno) }
        return names
    }

    /// The names in any folder, sorted; none where there is no folder.
    public static func names(in folder: String) -> [String] { list(folder) ?? [] }

    private static func list(_ folder: String) -> [String]? {
        guard let directory = opendir(folder) else { return nil }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What goes by itself meanwhile is gone, too.
    private static func remove(_ path: String) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in names(in: path) { remove("\(path)/\(name)") }
        rmdir(path)
    }
}

public struct SystemFailure: Error, CustomStringConvertible {
    public let code: CInt
    public var description: String { String(cString: strerror(code)) }
}
