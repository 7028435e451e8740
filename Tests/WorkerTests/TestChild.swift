import Glibc

@testable import Worker

/// The program whose steps misbehave, built beside the tests.
enum TestChild {
    static let path: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        precondition(count > 0, "this program has no path")
        let program = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // `swift test` runs the bundle itself or a runner beside the toolchain; the bundle is then an argument.
        for candidate in [program] + CommandLine.arguments {
            guard let slash = candidate.lastIndex(of: "/") else { continue }
            let path = "\(candidate[..<slash])/WorkerTestChild"
            if access(path, X_OK) == 0 { return path }
        }
        preconditionFailure("WorkerTestChild does not lie beside the tests")
    }()

    /// Bubblewrap, where this machine lets us use it.
    static let bubblewrap: Sandbox? = {
        guard let sandbox = Sandbox.bubblewrap(searchPath: "/usr/bin:/bin"),
            case .bubblewrap(let path, _) = sandbox
        else { return nil }
        var child = pid_t()
        let words = [path, "--unshare-all", "--ro-bind", "/", "/", "/usr/bin/true"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        guard posix_spawn(&child, path, nil, nil, &arguments, environ) == 0 else { return nil }
        var status: Int32 = 0
        guard waitpid(child, &status, 0) == child, status == 0 else { return nil }
        return sandbox
    }()

    /// Every way of shutting a child in that this machine offers.
    static let sandboxes: [Sandbox] = [.limitsOnly(reason: nil)] + (bubblewrap.map { [$0] } ?? [])
}
