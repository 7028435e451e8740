import Glibc

/// The machine's clock, in microseconds since 1970. Signatures and audit rows are of a moment that people and other
/// machines name, not of engine time, which an engine that stands by does not have.
public func systemMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}
