import Glibc

/// Where this program's companions lie.
enum Places {
    /// The directory of the running executable, links resolved.
    static let executableDirectory: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        precondition(count > 0, "Linux tells each process its own path")
        let path = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }()

    /// A program that is built and installed beside this one.
    static func companion(_ name: String) throws(CommandFailure) -> String {
        let path = "\(executableDirectory)/\(name)"
        guard access(path, X_OK) == 0 else {
            throw CommandFailure("\(name) is not where it belongs, beside showrunner in \(executableDirectory)")
        }
        return path
    }

    /// The workflows shipped with the program: installed under `share/`, or in the checkout it was built in.
    static func shippedWorkflows() throws(CommandFailure) -> String {
        var candidates = ["\(executableDirectory)/../share/showrunner/workflows"]
        var parts = executableDirectory.split(separator: "/")
        while !parts.isEmpty {
            parts.removeLast()
            let directory = parts.reduce("") { $0 + "/" + $1 }
            if access("\(directory)/Package.swift", R_OK) == 0 { candidates.append("\(directory)/workflows") }
        }
        for candidate in candidates where access(candidate, R_OK | X_OK) == 0 { return candidate }
        throw CommandFailure("the shipped workflows are not found: name a directory with --workflows")
    }
}

/// A failure in one sentence; the command ends with status 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
