/// What an evaluation may take before it ends with an error; all counted, nothing timed, so that the same expression over
/// the same data ends the same way everywhere.
public struct JSONataLimits: Sendable, Hashable {
    /// Evaluated nodes, elements touched by built-in functions and moves of the regular expression matcher (`U1001`).
    public var steps: Int
    /// Expressions within expressions under evaluation, function calls included; calls in tail position add nothing (`U1001`).
    public var depth: Int
    /// Bytes of values made over the whole evaluation, freed or not (`U1002`).
    public var bytes: Int
    /// Bytes of the calling thread's stack that may be used (`U1001`). Set it higher only on a thread that has them.
    public var stackBytes: Int

    /// 10 million steps are about a second; the default stack suits a thread that has 512 KiB.
    public init(
        steps: Int = 10_000_000, depth: Int = 5_000, bytes: Int = 256 << 20, stackBytes: Int = 320 << 10
    ) {
        self.steps = steps
        self.depth = depth
        self.bytes = bytes
        self.stackBytes = stackBytes
    }

    /// The longest expression, in bytes of UTF-8: what AWS allows for a whole definition (1 MiB).
    public static let maximumExpressionBytes = 1 << 20

    /// How deep an expression may nest.
    public static let maximumNesting = 400

    /// How many arrays, objects and captured scopes made by an expression may lie in each other: beyond, releasing them
    /// would need more stack than there is.
    static let maximumHeight = 250
}

/// The address of the caller's stack frame, near enough to know how much of the stack is in use.
@inline(__always)
func stackAddress() -> UInt {
    var marker: UInt8 = 0
    return withUnsafeMutablePointer(to: &marker) { UInt(bitPattern: $0) }
}
