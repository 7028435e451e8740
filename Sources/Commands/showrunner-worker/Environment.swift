import Foundation

/// What the process was born with.
enum Environment {
    static var variables: [String: String] { ProcessInfo.processInfo.environment }

    /// The scratch directory as an absolute path: links inside it must hold from anywhere.
    static func scratch(_ path: String?) -> String {
        guard let path else {
            return FileManager.default.temporaryDirectory.appending(path: "showrunner-worker-\(getuid())").path
        }
        return path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }
}
