import CShims
import Glibc
import JSON
import StepContracts

private func testContract(_ name: String) -> StepContract {
    StepContract(name: name, version: 1, summary: "A step that tests run.", runner: .mediaWorker, input: [], output: [])
}

/// The steps by name.
let testSteps: [String: any LocalStep] = [
    "write": WriteStep(), "package": PackStep(), "die": DieStep(), "hog": HogStep(), "wait": WaitStep(),
    "stubborn": StubbornStep(),
    "inspect": InspectStep(), "long": LongStep(), "fat": FatStep(), "link": LinkStep(), "refuse": RefuseStep(),
    "quit": QuitStep(), "pace": PaceStep(), "burn": BurnStep(), "descendant": DescendantStep(), "babble": BabbleStep(),
    "toil": ToilStep(),
]

/// Writes each input file's text, in capitals, to an output file.
struct WriteStep: LocalStep {
    static let contract = testContract("write")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        surroundings.report(StepProgress(stage: "write", mediaSeconds: 1.5, totalSeconds: 3, frames: 36))
        var text = ""
        for (_, path) in surroundings.files.sorted(by: { $0.key < $1.key }) { text += try read(path).uppercased() }
        mkdir("\(surroundings.outputDirectory)/sub", 0o777)
        try write(text, to: "\(surroundings.outputDirectory)/sub/text.txt")
        return [
            "file": ["file": "sub/text.txt"], "again": [["file": "sub/text.txt"]],
            "prefix": .string(surroundings.outputPrefix), "threads": .integer(surroundings.threads),
        ]
    }
}

/// The same, and tells the sum of each content key it was given, by id.
struct PackStep: LocalStep {
    static let contract = testContract("package")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        var output = try WriteStep().run(input: input, in: surroundings)
        let sums = surroundings.contentKeys.secrets.sorted { $0.key < $1.key }.map { id, key in
            (id, JSON.integer(key.reduce(0) { $0 + Int($1) }))
        }
        output["keySums"] = .object(.init(uniqueKeysWithValues: sums))
        return output
    }
}

/// Ends itself with the signal its input names, after telling where it is.
struct DieStep: LocalStep {
    static let contract = testContract("die")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        surroundings.report(StepProgress(stage: "encode", mediaSeconds: 760.12))
        let words = "about to \u{1B}[31mdie\n"
        _ = Glibc.write(STDERR_FILENO, words, words.utf8.count)
        guard let signal = input["signal"]?.integerValue else { throw .parametersInvalid("no signal") }
        Glibc.signal(Int32(signal), SIG_DFL)
        raise(Int32(signal))
        throw .crashed("survived")
    }
}

/// Takes memory until there is none.
struct HogStep: LocalStep {
    static let contract = testContract("hog")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        var hoard: [[UInt8]] = []
        while !surroundings.isCancelled() { hoard.append([UInt8](repeating: 1, count: 64 << 20)) }
        return .integer(hoard.count)
    }
}

/// Tells that it runs, and waits until it is told to stop or the file its input names is there.
struct WaitStep: LocalStep {
    static let contract = testContract("wait")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        surroundings.report(StepProgress(stage: "wait", mediaSeconds: 2))
        while !surroundings.isCancelled() {
            if let path = input["until"]?.stringValue, access(path, F_OK) == 0 { return ["waited": true] }
            usleep(1000)
        }
        throw .cancelled("asked to stop")
    }
}

/// Stands for a while at one place, and goes on to the next.
struct PaceStep: LocalStep {
    static let contract = testContract("pace")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        surroundings.report(StepProgress(stage: "one", mediaSeconds: 1))
        usleep(100_000)
        surroundings.report(StepProgress(stage: "two", mediaSeconds: 2))
        return [:]
    }
}

/// Never stops by itself, and hears no SIGTERM.
struct StubbornStep: LocalStep {
    static let contract = testContract("stubborn")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        signal(SIGTERM, SIG_IGN)
        surroundings.report(StepProgress(stage: "stubborn"))
        while true { usleep(1000) }
    }
}

/// Keeps a processor busy until the limit on its time ends it. It makes that limit a second: waiting for the real one would
/// take long, and whoever may lower it may not raise it.
struct BurnStep: LocalStep {
    static let contract = testContract("burn")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        var (soft, hard): (UInt64, UInt64) = (0, 0)
        guard shim_get_limit(shim_limit_cpu_seconds, &soft, &hard) == 0,
            shim_set_limit(shim_limit_cpu_seconds, 1, hard) == 0
        else { throw .crashed("the limit cannot be lowered") }
        signal(SIGXCPU, SIG_DFL)
        var number: UInt64 = 1
        while number != 0 { number = number &* 3 | 1 }
        return [:]
    }
}

/// Keeps a processor busy and does not stop, and tells when it has used two seconds of it.
struct ToilStep: LocalStep {
    static let contract = testContract("toil")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let start = clock()
        while clock() - start < 2 * CLOCKS_PER_SEC {}
        surroundings.report(StepProgress(stage: "toil"))
        while true {}
    }
}

/// Tells what this process can reach.
struct InspectStep: LocalStep {
    static let contract = testContract("inspect")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let port = input["port"]?.integerValue ?? 0
        let hostFile = input["hostFile"]?.stringValue ?? ""
        var environment: [JSON] = []
        var entry = environ
        while let variable = entry.pointee {
            environment.append(.string(String(cString: variable).split(separator: "=").first.map(String.init) ?? ""))
            entry += 1
        }
        var writes: [String: JSON] = [:]
        for directory in ["/", "/usr", "/tmp", "/dev", "/dev/shm", "/proc", "/in", surroundings.outputDirectory] {
            let path = "\(directory)/showrunner-probe"
            let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
            writes[directory] = .bool(descriptor >= 0)
            if descriptor >= 0 {
                close(descriptor)
                unlink(path)
            }
        }
        var input: [String: JSON] = [:]
        for (name, path) in surroundings.files {
            let descriptor = open(path, O_WRONLY)
            input[name] = ["path": .string(path), "writable": .bool(descriptor >= 0)]
            if descriptor >= 0 { close(descriptor) }
        }
        let (connected, sees) = (canConnect(port), access(hostFile, F_OK) == 0)
        let passwd = access("/etc/shadow", F_OK) == 0
        // At last, for it gives away what this process may.
        let rights = rights()
        return [
            "connected": .bool(connected), "rights": .object(.init(uniqueKeysWithValues: rights)), "sees": .bool(sees),
            "passwd": .bool(passwd), "environment": .array(environment),
            "pid": .integer(Int(getpid())), "writes": .object(.init(uniqueKeysWithValues: writes.map { ($0, $1) })),
            "inputs": .object(.init(uniqueKeysWithValues: input.map { ($0, $1) })),
        ]
    }

    /// What only the privileged may, each tried; the kernel's masks of capabilities (proc(5)), and the limits that hold.
    private func rights() -> [(String, JSON)] {
        var found: [(String, JSON)] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let descriptor = open("/proc/self/status", O_RDONLY)
        let count = max(0, Glibc.read(descriptor, &buffer, buffer.count))
        close(descriptor)
        for line in String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == ":" || $0 == "\t" })
            guard let name = words.first, name.hasPrefix("Cap") || name == "NoNewPrivs", words.count > 1 else {
                continue
            }
            found.append((String(name), .string(String(words[1]))))
        }
        for (name, limit) in [
            ("cpu", shim_limit_cpu_seconds), ("memory", shim_limit_address_space_bytes),
            ("file", shim_limit_file_bytes),
        ] {
            var (soft, hard): (UInt64, UInt64) = (0, 0)
            guard shim_get_limit(limit, &soft, &hard) == 0 else { continue }
            found.append(("\(name)Limit", .integer(Int(clamping: hard))))
            found.append(("\(name)Raised", .bool(shim_set_limit(limit, hard + 1, hard + 1) == 0)))
        }
        let raw = socket(AF_INET, Int32(SOCK_RAW.rawValue), Int32(IPPROTO_ICMP))
        found.append(("rawSocket", .bool(raw >= 0)))
        if raw >= 0 { close(raw) }
        found.append(("chroot", .bool(chroot("/") == 0)))
        // At last: whoever may takes all other rights from itself with it.
        found.append(("setuid", .bool(getuid() != 12345 && setuid(12345) == 0)))
        return found
    }

    private func canConnect(_ port: Int) -> Bool {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// Answers a text of so many bytes, and writes as much to standard output and standard error, as libraries do.
struct LongStep: LocalStep {
    static let contract = testContract("long")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let count = input["bytes"]?.integerValue ?? 0
        for _ in 0..<1000 { print(String(repeating: "noise ", count: 100)) }
        return ["text": .string(String(repeating: "x", count: count))]
    }
}

/// Writes a file larger than any limit.
struct FatStep: LocalStep {
    static let contract = testContract("fat")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let descriptor = open("\(surroundings.outputDirectory)/fat", O_WRONLY | O_CREAT, 0o600)
        let piece = [UInt8](repeating: 0, count: 1 << 20)
        while Glibc.write(descriptor, piece, piece.count) > 0 {}
        throw .crashed("survived")
    }
}

/// Names as its output what its input asks for: a link, or a name outside the directory.
struct LinkStep: LocalStep {
    static let contract = testContract("link")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let name = input["name"]?.stringValue ?? ""
        if let target = input["target"]?.stringValue { symlink(target, "\(surroundings.outputDirectory)/\(name)") }
        return ["file": ["file": .string(name)]]
    }
}

struct RefuseStep: LocalStep {
    static let contract = testContract("refuse")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        throw .sourceInvalid("no moov box at byte 48")
    }
}

/// Ends the process without a word.
struct QuitStep: LocalStep {
    static let contract = testContract("quit")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON { exit(3) }
}

/// Leaves a process behind that holds the pipes open, tells its id, and waits.
struct DescendantStep: LocalStep {
    static let contract = testContract("descendant")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        var child = pid_t()
        var arguments = [strdup("sleep"), strdup("600"), nil]
        defer { for argument in arguments { free(argument) } }
        guard posix_spawn(&child, "/usr/bin/sleep", nil, nil, &arguments, environ) == 0 else {
            throw .crashed("no sleep")
        }
        surroundings.report(StepProgress(stage: "left", frames: Int(child)))
        while !surroundings.isCancelled() { usleep(1000) }
        throw .cancelled("asked to stop")
    }
}

/// Breaks the protocol: writes to the descriptor that carries it.
struct BabbleStep: LocalStep {
    static let contract = testContract("babble")

    func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        for descriptor in Int32(3)...16 { _ = Glibc.write(descriptor, "{\"gossip\":1}\n", 13) }
        while true { usleep(1000) }
    }
}

private func read(_ path: String) throws(StepFailure) -> String {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw .storageUnavailable("\(path) cannot be read") }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
}

private func write(_ text: String, to path: String) throws(StepFailure) {
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
    guard descriptor >= 0, Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count else {
        throw .resourceExhausted("\(path) cannot be written")
    }
    close(descriptor)
}
