import Glibc

/// The account the server runs under. PostgreSQL refuses to run as root, so root lends it the `postgres` account.
struct ServerAccount: Sendable, Equatable {
    let name: String
    let uid: uid_t
    let gid: gid_t
    /// Whether the account is another than this process's, which is so if and only if this is root.
    let isLent: Bool

    static func current() throws(LocalPostgresError) -> ServerAccount {
        if geteuid() != 0 { return ServerAccount(name: "", uid: geteuid(), gid: getegid(), isLent: false) }
        guard let entry = getpwnam("postgres") else {
            throw LocalPostgresError(
                .directoryUnusable,
                "PostgreSQL does not run as root and there is no account postgres to run it: install the postgresql package"
            )
        }
        return ServerAccount(name: "postgres", uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid, isLent: true)
    }

    /// The program and arguments that run a command under the account, in the child's process itself. The kernel asks the
    /// server to shut down fast (SIGINT) when this process dies.
    func command(_ program: String, _ arguments: [String]) -> [String] {
        let identity = isLent ? ["--reuid=\(uid)", "--regid=\(gid)", "--init-groups"] : []
        // From the root directory: initdb complains of a working directory that the account may not enter.
        return ["/usr/bin/env", "--chdir=/", "/usr/bin/setpriv"] + identity + ["--pdeathsig=INT", "--", program]
            + arguments
    }

    /// Makes a directory the account's own and closes it to others.
    func own(_ path: String) throws(LocalPostgresError) {
        guard chmod(path, 0o700) == 0, !isLent || chown(path, uid, gid) == 0 else {
            throw LocalPostgresError(.directoryUnusable, "cannot give \(path) to the server: \(Files.reason())")
        }
    }

    /// Checks that the account can reach a directory of ours.
    func checkReach(_ path: String) throws(LocalPostgresError) {
        if !isLent { return }
        var prefix = ""
        for component in ["/"] + path.split(separator: "/").map(String.init) {
            prefix = component == "/" ? "/" : (prefix == "/" ? "/" + component : prefix + "/" + component)
            var status = stat()
            guard stat(prefix, &status) == 0 else {
                throw LocalPostgresError(.directoryUnusable, "cannot look at \(prefix): \(Files.reason())")
            }
            let bit: mode_t = status.st_uid == uid ? 0o100 : status.st_gid == gid ? 0o010 : 0o001
            if status.st_mode & bit == 0 {
                throw LocalPostgresError(
                    .directoryUnusable,
                    "the account \(name), which runs PostgreSQL for root, may not enter \(prefix): "
                        + "choose another data directory or run chmod o+x \(prefix)")
            }
        }
    }
}
