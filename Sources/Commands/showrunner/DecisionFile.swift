import Engine
import Glibc
import Synchronization

/// What the engine decides on, in a mapped file: written without a call to the system, and there after the process has
/// ended. What counts is an end by a signal of the engine's own making (a trap, a bad access, an abort): a process that
/// was killed while it happened to decide says nothing about what it decided on.
///
/// Unchecked: the engine decides one thing at a time, and a mapped page is all there is.
final class DecisionFile: DecisionNote, @unchecked Sendable {
    private let page: UnsafeMutableRawPointer
    private let incarnation: String
    /// `EVENT NAME`: a deliberate trap where an execution of that name is told so, for tests of what follows.
    private let trap: String?
    private let previous: (subject: String, event: String, incarnation: String)?
    private let isCounted = Atomic<Bool>(false)

    private static let bytes = 4096
    // Where things stand in the page.
    private static let state = 0
    private static let texts = [16, 272, 2048]
    private static let textBytes = [256, 64, 256]

    /// Throws where the file can't be made or mapped.
    init(_ path: String, incarnation: String, trap: String?) throws(CommandFailure) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw CommandFailure("\(path) can't be opened: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        guard ftruncate(file, off_t(Self.bytes)) == 0,
            let page = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), page != MAP_FAILED
        else { throw CommandFailure("\(path) can't be mapped: \(String(cString: strerror(errno)))") }
        self.page = page
        self.incarnation = incarnation
        self.trap = trap
        let isFound = page.load(fromByteOffset: Self.state, as: UInt8.self) == Mark.ended
        previous =
            isFound ? (Self.text(0, of: page), Self.text(1, of: page), Self.text(2, of: page)) : nil
        if !isFound { page.storeBytes(of: Mark.idle, toByteOffset: Self.state, as: UInt8.self) }
        decisionState = page.assumingMemoryBound(to: UInt8.self)
        for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] { Self.watch(signal) }
    }

    func found() -> (subject: String, event: String, incarnation: String)? {
        isCounted.load(ordering: .acquiring) ? nil : previous
    }

    func clear() {
        page.storeBytes(of: Mark.idle, toByteOffset: Self.state, as: UInt8.self)
        isCounted.store(true, ordering: .releasing)
    }

    func begin(subject: String, event: String, execution: String) {
        Self.giveStack()
        write(subject, 0)
        write(event, 1)
        write(incarnation, 2)
        page.storeBytes(of: Mark.deciding, toByteOffset: Self.state, as: UInt8.self)
        if let trap { precondition("\(event) \(execution)" != trap, "the trap that SHOWRUNNER_TRAP asks for") }
    }

    func end() { page.storeBytes(of: Mark.idle, toByteOffset: Self.state, as: UInt8.self) }

    private func write(_ text: String, _ index: Int) {
        var text = text
        text.withUTF8 { bytes in
            let count = min(bytes.count, Self.textBytes[index] - 1)
            let place = page + Self.texts[index]
            if let base = bytes.baseAddress { place.copyMemory(from: base, byteCount: count) }
            place.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
        }
    }

    private static func text(_ index: Int, of page: UnsafeMutableRawPointer) -> String {
        let bytes = UnsafeRawBufferPointer(start: page + texts[index], count: textBytes[index])
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    // MARK: Signals

    private static func watch(_ signal: Int32) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = noteEnd
        action.sa_flags = SA_ONSTACK
        var former = sigaction()
        guard sigaction(signal, &action, &former) == 0 else {
            preconditionFailure("a handler for signal \(signal) can't be set")
        }
        (formerActions + Int(signal)).initialize(to: former)
    }

    private static let stackKey: pthread_key_t = {
        var key = pthread_key_t()
        guard pthread_key_create(&key, nil) == 0 else { preconditionFailure("no room for a thread's value") }
        return key
    }()

    /// Gives the thread a stack for its signals, once: what runs out of its own can't note that on it. Threads of the
    /// pool live as long as the process.
    private static func giveStack() {
        guard pthread_getspecific(stackKey) == nil else { return }
        let size = 64 << 10
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        var stack = stack_t()
        stack.ss_sp = memory
        stack.ss_size = size
        guard sigaltstack(&stack, nil) == 0 else { preconditionFailure("a thread takes no stack for its signals") }
        pthread_setspecific(stackKey, memory)
    }
}

/// What the first byte of the page says.
private enum Mark {
    static let idle: UInt8 = 0
    static let deciding: UInt8 = 1
    /// The process ended by a signal while it decided.
    static let ended: UInt8 = 2
}

// What the handler reads, set before the handler is.
private nonisolated(unsafe) var decisionState: UnsafeMutablePointer<UInt8>?
private nonisolated(unsafe) let formerActions = UnsafeMutablePointer<sigaction>.allocate(capacity: 65)

/// Notes the end and lets what was there before go on with it. All of this is allowed in a handler.
private let noteEnd: @convention(c) (Int32) -> Void = { signal in
    if let decisionState, decisionState.pointee == Mark.deciding { decisionState.pointee = Mark.ended }
    _ = sigaction(signal, formerActions + Int(signal), nil)
}
