import Testing

/// The product as it is run: real processes, a real PostgreSQL, films, a browser. Its tests share one stage and follow
/// one another, because each of them keeps all cores busy.
@Suite("end to end", .serialized, .stage(workers: 2))
struct EndToEnd {}
