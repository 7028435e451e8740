import Encodings
import Glibc

extension KeyRing {
    /// The largest file of master keys that is read, in bytes.
    private static let fileBytes = 64 << 10

    /// The ring that a program's environment names: the keys themselves in `SHOWRUNNER_MASTER_KEY`, or the path of a
    /// file of them in `SHOWRUNNER_MASTER_KEY_FILE`; nil when neither is set.
    ///
    /// Throws ``CryptoError/Code/key`` when both are set or a key is malformed, and what ``init(file:)`` throws.
    public static func environment(_ environment: [String: String]) throws(CryptoError) -> KeyRing? {
        let text = environment["SHOWRUNNER_MASTER_KEY"]
        let path = environment["SHOWRUNNER_MASTER_KEY_FILE"]
        switch (text, path) {
        case (nil, nil): return nil
        case (let text?, nil):
            do {
                return try KeyRing(text: text)
            } catch {
                throw CryptoError(code: .key, message: "SHOWRUNNER_MASTER_KEY: \(error.message)")
            }
        case (nil, let path?): return try KeyRing(file: path)
        case (_?, _?):
            throw CryptoError(
                code: .key,
                message: "SHOWRUNNER_MASTER_KEY and SHOWRUNNER_MASTER_KEY_FILE are both set: one of them is.")
        }
    }

    /// The ring in a file of master keys, as ``init(text:)`` reads it. A file that everybody may read or write is
    /// refused. Blocks on the disk.
    ///
    /// Throws ``CryptoError/Code/file`` when it cannot be read, ``CryptoError/Code/key`` for its content or mode.
    public init(file path: String) throws(CryptoError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CryptoError(file: path, action: "opened", errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw CryptoError(file: path, action: "examined", errno: errno) }
        guard status.st_mode & 0o007 == 0 else {
            throw CryptoError(
                code: .key, message: "The master keys in \(path) are open to everybody: chmod 600 \(path).")
        }
        var bytes = [UInt8](repeating: 0, count: Self.fileBytes + 1)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress?.advanced(by: length), buffer.count - length)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw CryptoError(file: path, action: "read", errno: errno) }
            if count == 0 { break }
            length += count
        }
        guard length <= Self.fileBytes else {
            throw CryptoError(
                code: .key, message: "\(path) is no file of master keys: it has over \(Self.fileBytes) bytes.")
        }
        do {
            try self.init(text: String(decoding: bytes.prefix(length), as: UTF8.self))
        } catch {
            throw CryptoError(code: .key, message: "\(path): \(error.message)")
        }
    }

    /// Makes a file with one new master key, mode 0600, and sees it onto the disk; what is there already stays as it
    /// is. Two processes that make it at once end with the same file. Blocks on the disk.
    ///
    /// Throws ``CryptoError/Code/file``.
    public static func makeFile(_ path: String) throws(CryptoError) {
        // Written beside and linked into place, so that nobody reads half a key.
        let unfinished = "\(path).\(getpid()).\(Hex.encode(randomBytes(4)))"
        let descriptor = Glibc.open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CryptoError(file: unfinished, action: "created", errno: errno) }
        defer { unlink(unfinished) }
        let text = Array((MasterKey().secretHex + "\n").utf8)
        let written = write(descriptor, text, text.count)
        // The mode of open() is cut by the umask, never widened: 0600 holds.
        guard written == text.count, fsync(descriptor) == 0 else {
            let code = written < 0 || written == text.count ? errno : ENOSPC
            close(descriptor)
            throw CryptoError(file: unfinished, action: "written", errno: code)
        }
        close(descriptor)
        guard link(unfinished, path) == 0 || errno == EEXIST else {
            throw CryptoError(file: path, action: "created", errno: errno)
        }
    }
}
