/// The protocol between an engine and its workers, version 1: JSON objects over HTTP POST, below ``pathPrefix``.
///
/// A worker polls for a task, announces it every few seconds in a heartbeat, and ends it with complete or fail; for a
/// task that calls an API it asks for the secrets of its connection, and for one that packages for its content keys. The
/// engine answers 200 with the reply of the message, 204 to a poll for which there is nothing yet, and otherwise with a
/// ``WorkerProblem``. Members that a receiver does not know are ignored, so that either side may be the newer one;
/// members it knows must have their type and keep within ``WorkerProtocolLimits``.
public enum WorkerProtocolPath {
    public static let pathPrefix = "/worker/v1"
    public static let poll = "/worker/v1/poll"
    public static let heartbeat = "/worker/v1/heartbeat"
    public static let complete = "/worker/v1/complete"
    public static let fail = "/worker/v1/fail"
    public static let connection = "/worker/v1/connection"
    public static let contentKey = "/worker/v1/key"
}

/// What one message may hold; sizes are bytes of UTF-8.
public enum WorkerProtocolLimits {
    /// A request or reply body, but for an offer's.
    public static let bodyBytes = 1 << 20
    /// A poll's reply: a task's input has what a state's data may have (4 MiB), in the worst case all of it escapes.
    public static let offerBytes = 32 << 20
    /// A task's output, as compact JSON; the States Language's limit for a state's data.
    public static let outputBytes = 256 << 10
    public static let causeBytes = 32 << 10
    public static let errorBytes = 256
    public static let tokenBytes = 256
    /// Names of workers, steps, states and machines, incarnations and versions.
    public static let nameBytes = 256
    public static let arnBytes = 512
    public static let titleBytes = 1024
    /// A SHA-256 in hexadecimal digits.
    public static let digestBytes = 64
    /// Steps one worker may offer.
    public static let steps = 64
    /// Tasks one worker may hold at a time.
    public static let tasks = 256
    /// A worker's cores, in thousandths.
    public static let millicores = 4_096_000
    /// A worker's memory, or its disk.
    public static let capacityBytes = 1 << 53
    /// Labels of one worker.
    public static let labels = 64
    /// Parts (rungs, chunks) one progress report may name.
    public static let progressParts = 256
    /// How long the engine may keep a poll open.
    public static let waitSeconds = 20
    /// Upper bound of timeouts, in seconds (the States Language's 99,999,999).
    public static let timeoutSeconds = 99_999_999
}
