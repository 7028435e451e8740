import Cryptography
import Interpreter

/// Which trace a call belongs to, so that what follows from it can be found: in the logs of workers, above all.
///
/// Source: https://www.w3.org/TR/trace-context/
public struct TraceID: Sendable, Hashable {
    /// 32 lower-case hexadecimal digits, not all of them 0.
    public let text: String

    /// That of the call under way; nil where its caller said none.
    @TaskLocal public static var current: TraceID?

    init?(digits text: some StringProtocol) {
        let isHexadecimal = text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard text.utf8.count == 32, isHexadecimal, text.utf8.contains(where: { $0 != 0x30 }) else { return nil }
        self.text = String(text)
    }

    /// Out of a `traceparent` field: `00-TRACE-SPAN-FLAGS`. Nil for what is none: a call without a trace is a call.
    public init?(traceparent: String) {
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        // Later versions may have more parts.
        guard parts.count >= 4, parts[0].utf8.count == 2, parts[0] != "ff", parts[2].utf8.count == 16 else {
            return nil
        }
        self.init(digits: parts[1])
    }

    /// Out of AWS X-Ray's trace header, `Root=1-TIME-ID;Parent=...`, whose digits are those of the W3C form.
    ///
    /// Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    public init?(xRay header: String) {
        guard let root = header.split(separator: ";").first(where: { $0.hasPrefix("Root=1-") }) else { return nil }
        self.init(digits: root.dropFirst("Root=1-".count).filter { $0 != "-" }.lowercased())
    }
}

extension Execution {
    /// The trace that was named at its start, else one of its own: the digits of its id.
    var traceID: String { start.trace ?? String(decoding: id.utf8.filter { $0 != UInt8(ascii: "-") }, as: UTF8.self) }
}

extension Assignment {
    /// As a `traceparent` field has it: each attempt is a span.
    var traceparent: String { "00-\(trace)-\(SHA256.hash(token.nonce).hex.prefix(16))-01" }
}
