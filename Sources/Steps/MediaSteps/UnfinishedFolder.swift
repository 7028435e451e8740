import StepContracts

#if canImport(Glibc)
import Glibc
#endif

/// A folder in which a package is put together before it takes the place of an older one.
struct UnfinishedFolder {
    private let target: String
    let path: String

    init(in target: String) {
        self.target = target
        path = target + "/.unfinished"
    }

    /// Makes it, empty: what a killed run left goes away.
    func start() throws(StepFailure) {
        try UnfinishedFolder.remove(path)
        try OutputFile.makeFolder(path)
    }

    /// Moves what was made into the target. The manifests come last, and older ones go first: no manifest ever names
    /// another package's segments. Folders of tracks that are no longer there go, too.
    func publish() throws(StepFailure) {
        let entries = try UnfinishedFolder.entries(of: path)
        let manifests: Set<String> = ["master.m3u8", "manifest.mpd"]
        for name in manifests { try UnfinishedFolder.remove("\(target)/\(name)") }
        for name in try UnfinishedFolder.entries(of: target)
        where name != ".unfinished" && (entries.contains(name) || UnfinishedFolder.isTrack("\(target)/\(name)")) {
            try UnfinishedFolder.remove("\(target)/\(name)")
        }
        for name in entries.filter({ !manifests.contains($0) }) + entries.filter({ manifests.contains($0) }) {
            guard rename("\(path)/\(name)", "\(target)/\(name)") == 0 else {
                throw UnfinishedFolder.failure("\(target)/\(name) cannot be put in its place")
            }
        }
        try UnfinishedFolder.remove(path)
    }

    /// Whether a folder is a track that packaging wrote, and nobody else's.
    private static func isTrack(_ folder: String) -> Bool {
        let name = folder.split(separator: "/").last ?? ""
        return ["video-", "audio-", "text-"].contains { name.hasPrefix($0) }
            && ["init.mp4", "media.mp4", "subtitles.vtt", "seg-1.vtt"].contains { access("\(folder)/\($0)", F_OK) == 0 }
    }

    private static func entries(of folder: String) throws(StepFailure) -> [String] {
        guard let stream = opendir(folder) else { throw failure("the folder \(folder) cannot be read") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file or a folder with all in it; links are not followed.
    private static func remove(_ path: String) throws(StepFailure) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw failure("\(path) cannot be removed")
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in try entries(of: path) { try remove("\(path)/\(name)") }
            guard rmdir(path) == 0 else { throw failure("the folder \(path) cannot be removed") }
        } else {
            guard unlink(path) == 0 else { throw failure("\(path) cannot be removed") }
        }
    }

    private static func failure(_ what: String) -> StepFailure {
        .storageUnavailable("\(what): \(String(cString: strerror(errno)))")
    }
}
