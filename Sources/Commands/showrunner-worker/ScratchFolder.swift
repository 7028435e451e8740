import Foundation

/// Where running steps keep their files.
enum ScratchFolder {
    /// The path that was given, or one of this user's own; absolute: links inside it must hold from anywhere.
    static func path(_ given: String?) -> String {
        guard let given else {
            return FileManager.default.temporaryDirectory.appending(path: "showrunner-worker-\(getuid())").path
        }
        return given.hasPrefix("/") ? given : "\(FileManager.default.currentDirectoryPath)/\(given)"
    }
}
