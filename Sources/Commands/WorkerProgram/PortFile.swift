import Glibc

/// A file that says on which port a process listens, for whoever started it with port 0.
struct PortFile: Sendable {
    let path: String

    /// Why it can't be written.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Whole or not at all: a reader never meets half a number.
    func write(_ port: Int) throws(Failure) {
        let temporary = path + ".new"
        guard let file = fopen(temporary, "we") else { throw failure("written") }
        let isWritten = fputs("\(port)\n", file) >= 0
        let isFlushed = fclose(file) == 0
        guard isWritten, isFlushed, rename(temporary, path) == 0 else { throw failure("written") }
    }

    /// One that is gone already is as good.
    func remove() throws(Failure) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("removed") }
    }

    private func failure(_ what: String) -> Failure {
        Failure(description: "the port file \(path) can't be \(what): \(String(cString: strerror(errno)))")
    }
}
