import Glibc

/// Where PostgreSQL's server programs lie. Debian keeps them off the search path, a folder per version.
public struct ServerPrograms: Sendable, Equatable {
    /// The folder with `postgres` and `initdb`.
    public let directory: String

    public init(directory: String) { self.directory = directory }

    /// The newest version under `/usr/lib/postgresql`, or else the first folder of PATH that has both programs.
    ///
    /// - Parameter version: the major version of an existing cluster, which only its own programs can open.
    public static func find(version: Int? = nil) throws(LocalPostgresError) -> ServerPrograms {
        let versions = Files.entries("/usr/lib/postgresql").compactMap { Int($0) }.sorted(by: >)
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let wanted = version.map { version in versions.filter { $0 == version } } ?? versions
        // Programs on PATH do not say their version in their place: the server itself refuses a cluster of another.
        let candidates = wanted.map { "/usr/lib/postgresql/\($0)/bin" } + path.split(separator: ":").map(String.init)
        for directory in candidates where Files.isExecutable(directory + "/postgres") {
            if Files.isExecutable(directory + "/initdb") { return ServerPrograms(directory: directory) }
        }
        let what = version.map { "PostgreSQL \($0)" } ?? "PostgreSQL"
        throw LocalPostgresError(
            .programsMissing, "no \(what) server found under /usr/lib/postgresql or on PATH: install \(what)")
    }
}
