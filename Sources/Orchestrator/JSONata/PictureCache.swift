/// Date/time pictures that were read already: those that stand in an expression as literals, and the first others of an
/// evaluation.
struct PictureCache: Sendable {
    /// How many of each kind are kept; others are read each time.
    static let capacity = 16

    private var writers: [(text: String, writer: DateTimePicture)] = []
    private var readers: [(text: String, reader: DateTimeReader)] = []

    /// The picture of ISO 8601.
    static let standard: DateTimePicture = {
        do throws(Failure) {
            return try DateTimePicture(DateTimePicture.iso8601)
        } catch {
            preconditionFailure("the picture of ISO 8601 is well formed")
        }
    }()

    mutating func writer(_ text: String) throws(Failure) -> DateTimePicture {
        for known in writers where known.text.sameCodeUnits(as: text) { return known.writer }
        let writer = try DateTimePicture(text)
        if writers.count < PictureCache.capacity { writers.append((text, writer)) }
        return writer
    }

    mutating func reader(_ text: String) throws(Failure) -> DateTimeReader {
        for known in readers where known.text.sameCodeUnits(as: text) { return known.reader }
        let reader = try DateTimeReader(writer(text))
        if readers.count < PictureCache.capacity { readers.append((text, reader)) }
        return reader
    }

    /// Reads the pictures among the literal arguments of a call by that name. One that is no picture is left for the call,
    /// which says why.
    mutating func readLiterals(_ function: String, _ arguments: [Node]) {
        let isReader = function == "toMillis"
        guard isReader || function == "fromMillis" || function == "now" else { return }
        for case let literal as StringNode in arguments where literal.text.utf8.contains(UInt8(ascii: "[")) {
            do throws(Failure) {
                if isReader { _ = try reader(literal.text) } else { _ = try writer(literal.text) }
            } catch {
                continue
            }
        }
    }
}
