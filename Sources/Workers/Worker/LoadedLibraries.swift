/// Where the shared objects of a process lie, read from the text of `/proc/PID/maps`, so that a sandbox can show the
/// child the same ones.
enum LoadedLibraries {
    /// The directories, each once, in the order of the mappings; only those outside the places every sandbox shows.
    static func directories(inMaps maps: String, excluding shown: [String]) -> [String] {
        var directories: [String] = []
        for line in maps.split(separator: "\n") {
            // address perms offset dev inode pathname; the path is the rest and may hold blanks.
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1].contains("x") else { continue }
            let path = fields[5].drop { $0 == " " }
            guard path.hasPrefix("/"), path.contains(".so"), !path.hasSuffix(" (deleted)"),
                let slash = path.lastIndex(of: "/"), slash != path.startIndex
            else { continue }
            let directory = String(path[..<slash])
            let isShown = shown.contains { directory == $0 || directory.hasPrefix($0 + "/") }
            if !isShown, !directories.contains(directory) { directories.append(directory) }
        }
        return directories
    }
}
