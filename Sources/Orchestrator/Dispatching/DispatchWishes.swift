public import JSON
import StatesLanguage

/// What an execution says of itself in the member `showrunner` of its input: how urgent it is, until when it should be
/// done, and with whom it takes turns. Its child executions, and those it starts and waits for, go by the same.
public struct DispatchWishes: Sendable, Hashable {
    /// 0...9; nil where the rules decide.
    public var priority: Int?
    public var deadline: Microseconds?
    /// The share its tasks belong to; nil for one of its own.
    public var share: String?

    /// The member's name.
    public static let member = "showrunner"
    /// Bytes of a share's name.
    public static let shareBytes = 256

    public init(priority: Int? = nil, deadline: Microseconds? = nil, share: String? = nil) {
        self.priority = priority
        self.deadline = deadline
        self.share = share
    }

    /// Why a member can't be followed; a sentence.
    public struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    /// Reads an execution's input; one without the member wishes nothing.
    public init(input: JSON) throws(Fault) {
        guard let document = input[Self.member] else { return }
        guard let members = document.objectValue else {
            throw Fault(description: "'\(Self.member)' has to be an object of priority, deadline and share")
        }
        for (name, value) in members {
            switch name {
            case "priority":
                guard let number = value.integerValue, (0...ReadyTask.highestPriority).contains(number) else {
                    throw Fault(
                        description: "'\(Self.member).priority' has to be an integer from 0 to 9, not \(value.text)")
                }
                priority = number
            case "deadline":
                guard let text = value.stringValue, let instant = Timestamp.microseconds(rfc3339: text) else {
                    throw Fault(
                        description: "'\(Self.member).deadline' has to be a time as RFC 3339 has it, not \(value.text)")
                }
                deadline = instant
            case "share":
                guard let text = value.stringValue, !text.isEmpty, text.utf8.count <= Self.shareBytes else {
                    throw Fault(description: "'\(Self.member).share' has to be a text of 1 to \(Self.shareBytes) bytes")
                }
                share = text
            default:
                throw Fault(
                    description: "'\(Self.member).\(name)' is not known here; there are priority, deadline and share")
            }
        }
    }
}
