import CYAML
import JSON

/// libyaml's parser: hands out one event after the other. Owns the C structure, which must not move, and the text.
final class EventParser {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    /// An event in Swift's own memory.
    struct Event {
        enum Kind {
            case streamStart, streamEnd, documentStart, documentEnd
            case alias(String)
            /// With the place where the text begins, if it stands there character by character.
            case scalar(text: String, isPlain: Bool, textPlace: SourcePlace?)
            case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        }

        let kind: Kind
        let anchor: String?
        let tag: String?
        let place: SourcePlace
    }

    init(_ bytes: [UInt8]) {
        parser = .allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else { preconditionFailure("libyaml has no memory for its parser") }
        // libyaml wants an address even for an empty text.
        text = .allocate(capacity: max(bytes.count, 1))
        _ = text.initialize(from: bytes)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        text.deallocate()
    }

    func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        let place = SourcePlace(line: event.start_mark.line + 1, column: event.start_mark.column + 1)
        func string(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? { bytes.map { String(cString: $0) } }
        switch event.type {
        case YAML_STREAM_START_EVENT: return Event(kind: .streamStart, anchor: nil, tag: nil, place: place)
        case YAML_STREAM_END_EVENT: return Event(kind: .streamEnd, anchor: nil, tag: nil, place: place)
        case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, anchor: nil, tag: nil, place: place)
        case YAML_DOCUMENT_END_EVENT: return Event(kind: .documentEnd, anchor: nil, tag: nil, place: place)
        case YAML_ALIAS_EVENT:
            return Event(kind: .alias(string(event.data.alias.anchor) ?? ""), anchor: nil, tag: nil, place: place)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            // By length: a text may hold U+0000.
            let content = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            return Event(
                kind: .scalar(
                    text: content, isPlain: isPlain,
                    textPlace: EventParser.textPlace(of: content, isPlain: isPlain, event.start_mark, event.end_mark)),
                anchor: string(scalar.anchor), tag: string(scalar.tag), place: place)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return Event(kind: .sequenceStart, anchor: string(start.anchor), tag: string(start.tag), place: place)
        case YAML_SEQUENCE_END_EVENT: return Event(kind: .sequenceEnd, anchor: nil, tag: nil, place: place)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return Event(kind: .mappingStart, anchor: string(start.anchor), tag: string(start.tag), place: place)
        case YAML_MAPPING_END_EVENT: return Event(kind: .mappingEnd, anchor: nil, tag: nil, place: place)
        default: preconditionFailure("libyaml gave an event of unknown type \(event.type.rawValue)")
        }
    }

    /// A scalar on one line that is as long as its text, its quotes counted, has nothing escaped.
    private static func textPlace(
        of content: String, isPlain: Bool, _ start: yaml_mark_t, _ end: yaml_mark_t
    ) -> SourcePlace? {
        let quote = isPlain ? 0 : 1
        guard start.line == end.line, end.column - start.column == content.unicodeScalars.count + 2 * quote else {
            return nil
        }
        return SourcePlace(line: start.line + 1, column: start.column + 1 + quote)
    }

    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
        switch parser.pointee.error {
        case YAML_READER_ERROR: return YAMLError(place: place(ofByte: parser.pointee.problem_offset), reason: problem)
        case YAML_MEMORY_ERROR: preconditionFailure("libyaml has no memory for the document")
        default:
            let mark = parser.pointee.problem_mark
            let place = SourcePlace(line: mark.line + 1, column: mark.column + 1)
            if byte(at: mark) == UInt8(ascii: "\t") {
                return YAMLError(place: place, reason: "a tab cannot indent; use spaces")
            }
            guard let context = parser.pointee.context else { return YAMLError(place: place, reason: problem) }
            let start = parser.pointee.context_mark
            return YAMLError(
                place: place, reason: "\(problem) \(String(cString: context)) that begins at line \(start.line + 1)")
        }
    }

    /// The byte at a mark, whose index counts characters; nil at the end.
    private func byte(at mark: yaml_mark_t) -> UInt8? {
        var line = 0
        var column = 0
        for byte in text {
            if line == mark.line, column == mark.column, byte & 0xC0 != 0x80 { return byte }
            if byte == 0x0A {
                line += 1
                column = 0
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return nil
    }

    private func place(ofByte offset: Int) -> SourcePlace {
        let before = text.prefix(offset)
        let line = before.count { $0 == 0x0A } + 1
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return SourcePlace(line: line, column: before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1)
    }
}
