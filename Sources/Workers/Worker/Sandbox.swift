import Glibc

/// How the child processes are shut in.
public enum SandboxMode: String, Sendable, Hashable, CaseIterable {
    /// Bubblewrap where this machine allows it, limits alone otherwise (with a warning).
    case auto
    /// Bubblewrap, or the worker does not start.
    case required
    /// Limits alone.
    case off
}

/// What came of a ``SandboxMode`` on this machine.
public enum Sandbox: Sendable, Hashable, CustomStringConvertible {
    /// No network, read-only root, own process ids, no capabilities; `path` is the bwrap program, `libraries` the
    /// directories outside the system's that the child's shared objects lie in.
    case bubblewrap(path: String, libraries: [String])
    /// A process group of its own, resource limits and no_new_privs, but the host's files and network. `reason` is
    /// nil where that was asked for.
    case limitsOnly(reason: String?)

    public var description: String {
        switch self {
        case .bubblewrap: "bubblewrap"
        case .limitsOnly(let reason?): "limits only (\(reason))"
        case .limitsOnly(nil): "limits only"
        }
    }

    /// The parts of the system that every child may read. Debian's BLAS, which libavfilter needs, is found through
    /// /etc/alternatives.
    private static let systemDirectories = ["/usr", "/lib", "/lib64"]
    private static let systemFiles = ["/etc/alternatives", "/etc/ld.so.cache"]

    /// Bubblewrap as it would be used for children of this process; nil when the program is not there.
    static func bubblewrap(searchPath: String) -> Sandbox? {
        let names = searchPath.split(separator: ":").map { "\($0)/bwrap" }
        guard let path = names.first(where: { access($0, X_OK) == 0 }) else { return nil }
        let maps = readSmallFile("/proc/self/maps") ?? ""
        return .bubblewrap(
            path: path, libraries: LoadedLibraries.directories(inMaps: maps, excluding: systemDirectories))
    }

    /// The program to start and its arguments, for a child that runs `command`, reads `inputs` at the paths given and
    /// may write into `outputDirectory` only.
    func commandLine(
        for command: [String], inputs: [ChildInput], outputDirectory: String, environment: [String: String]
    ) -> (executable: String, arguments: [String]) {
        precondition(!command.isEmpty, "A child needs a program.")
        guard case .bubblewrap(let path, let libraries) = self else { return (command[0], Array(command.dropFirst())) }
        var arguments = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) { arguments += ["--setenv", name, value] }
        for directory in Sandbox.systemDirectories + Sandbox.systemFiles {
            arguments += ["--ro-bind-try", directory, directory]
        }
        for directory in libraries { arguments += ["--ro-bind", directory, directory] }
        arguments += ["--ro-bind", command[0], command[0]]
        arguments += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
        for input in inputs { arguments += ["--ro-bind", input.hostPath, input.childPath] }
        arguments += ["--bind", outputDirectory, Sandbox.outputPath, "--chdir", Sandbox.outputPath]
        // Last, since the mount points above have to be made first.
        arguments += ["--remount-ro", "/", "--"]
        return (path, arguments + command)
    }

    /// Where a sandboxed child finds its output directory, and its input files (`/in/0`, ...). Fixed names: what a
    /// step makes of a file must not depend on what the file is called.
    static let outputPath = "/out"
    static let inputPath = "/in"
}

/// A file that a child may read.
struct ChildInput: Sendable, Hashable {
    /// What the step calls it: an object's key or a source's URL.
    let name: String
    let hostPath: String
    /// Where the child sees it.
    let childPath: String
}

/// The content of a file of the proc or sys file system, which tell no length; nil when it cannot be read.
func readSmallFile(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < 16 << 20 {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { break }
        bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}
