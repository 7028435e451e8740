import Glibc

/// Signals for the processes of a test's own server.
public enum Processes {
    /// Sends a signal; traps if the process is not there, because the test would prove nothing.
    public static func signal(_ pid: Int32, _ signal: Int32) {
        precondition(kill(pid, signal) == 0, "no process \(pid) to send signal \(signal) to")
    }

    /// Whether a process of this number runs and is no zombie.
    public static func isRunning(_ pid: Int32) -> Bool {
        guard kill(pid, 0) == 0, let stat = fopen("/proc/\(pid)/stat", "re") else { return false }
        defer { fclose(stat) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, stat) != nil else { return false }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The name may contain anything but ends at the last parenthesis; the state follows (proc(5)).
        guard let end = text.lastIndex(of: ")") else { return false }
        return text[end...].dropFirst(2).first != "Z"
    }
}
