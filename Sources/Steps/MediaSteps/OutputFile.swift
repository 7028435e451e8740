import StepContracts

#if canImport(Glibc)
import Glibc
#endif

/// A file being written, through one buffer. What is not finished is left for the owner of the folder to clear away.
final class OutputFile {
    private let path: String
    private var descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 256 << 10

    init(path: String) throws(StepFailure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .systemCall("\(path) cannot be written") }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Makes a folder and those it lies in, where they are missing.
    static func makeFolder(_ path: String) throws(StepFailure) {
        if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeFolder(String(path[..<slash]))
            if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        }
        throw .systemCall("the folder \(path) cannot be made")
    }

    func append(_ bytes: [UInt8]) throws(StepFailure) {
        try bytes.withUnsafeBufferPointer { bytes throws(StepFailure) in try append(UnsafeRawBufferPointer(bytes)) }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(StepFailure) {
        if buffer.count + bytes.count <= OutputFile.bufferSize {
            buffer.append(contentsOf: bytes)
            return
        }
        try flush()
        try write(bytes)
    }

    /// Appends all of another file.
    func append(contentsOf source: String) throws(StepFailure) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw .systemCall("\(source) cannot be read") }
        defer { close(input) }
        var bytes = [UInt8](repeating: 0, count: OutputFile.bufferSize)
        while true {
            let count = read(input, &bytes, bytes.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .systemCall("\(source) cannot be read") }
            if count == 0 { return }
            try append(Array(bytes[..<count]))
        }
    }

    func finish() throws(StepFailure) {
        try flush()
        let closing = descriptor
        descriptor = -1
        // A file system may tell only here that there was no room.
        guard close(closing) == 0 else { throw .systemCall("\(path) cannot be written") }
    }

    private func flush() throws(StepFailure) {
        try buffer.withUnsafeBufferPointer { bytes throws(StepFailure) in try write(UnsafeRawBufferPointer(bytes)) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(StepFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .systemCall("\(path) cannot be written")
            }
            rest = rest.dropFirst(count)
        }
    }
}

extension StepFailure {
    /// A failed system call, by the calling thread's `errno`.
    static func systemCall(_ what: String) -> StepFailure {
        let number = errno
        let cause = "\(what): \(String(cString: strerror(number)))"
        return switch number {
        case ENOSPC, EDQUOT, EFBIG, ENOMEM, EMFILE, ENFILE: .resourceExhausted(cause)
        default: .storageUnavailable(cause)
        }
    }
}
