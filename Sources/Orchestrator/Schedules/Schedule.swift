import Encodings
import SeededNumbers
public import StatesLanguage

/// One schedule of `workflows/schedules.yaml`: when a state machine is started, and with what.
public struct Schedule: Sendable, Hashable {
    /// Letters, digits, `-`, `_` and `.`, up to ``maximumNameLength`` characters.
    public let name: String
    public let description: String?
    public let timing: ScheduleTiming
    /// Each fire starts at a point of its own within so many seconds after its time; 0 where it starts on time.
    public let flexibleWindow: Int
    /// A schedule that is not starts nothing of its own, as if it were paused.
    public let isEnabled: Bool
    public let overlapPolicy: OverlapPolicy
    public let catchupPolicy: CatchupPolicy
    /// The ARN or the name of a state machine.
    public let target: String
    /// What the execution is given; nil for the scheduled event itself.
    public let input: PayloadTemplate?

    public init(
        name: String, description: String? = nil, timing: ScheduleTiming, flexibleWindow: Int = 0,
        isEnabled: Bool = true, overlapPolicy: OverlapPolicy = .skip, catchupPolicy: CatchupPolicy = .last,
        target: String, input: PayloadTemplate? = nil
    ) {
        self.name = name
        self.description = description
        self.timing = timing
        self.flexibleWindow = flexibleWindow
        self.isEnabled = isEnabled
        self.overlapPolicy = overlapPolicy
        self.catchupPolicy = catchupPolicy
        self.target = target
        self.input = input
    }

    /// EventBridge Scheduler allows 64. The names of executions have 80 characters at most, and end in 17 that tell the
    /// time, or 17 that tell the request.
    public static let maximumNameLength = 60

    /// The longest flexible window, as EventBridge Scheduler has it, in minutes.
    public static let maximumWindowMinutes = 1440

    /// The name of the execution that a time starts. It follows from the time alone, so that a start can be repeated.
    public func executionName(at time: EpochSeconds) -> String {
        "\(name)-\(utcText(time).filter { $0 != "-" && $0 != ":" })"
    }

    /// The name of the execution that a request starts. It follows from the request's token alone.
    public func executionName(request token: String) -> String {
        "\(name)-now-\(Hex.digits(mixed(name, token) >> 16, atLeast: 12))"
    }

    /// When the execution of a time starts: somewhere in the flexible window, always the same.
    public func startTime(of time: EpochSeconds) -> EpochSeconds {
        guard flexibleWindow > 0 else { return time }
        return time + Int(mixed(name, String(time)) % UInt64(flexibleWindow))
    }

    /// What is drawn for the expressions of an execution's input.
    func seed(ofExecution name: String) -> UInt64 { mixed(self.name, name) }
}

/// What happens when a fire comes due while an execution of its schedule is still running.
///
/// Source: https://docs.temporal.io/schedule#overlap-policy; `LatestOnly` is our own.
public enum OverlapPolicy: String, Sendable, Hashable, CaseIterable {
    /// The fire is dropped.
    case skip = "Skip"
    /// One fire waits for the end of the execution; others are dropped.
    case bufferOne = "BufferOne"
    /// All fires wait and start one after the other, up to ``ScheduleState/maximumBuffered``.
    case bufferAll = "BufferAll"
    /// The execution is stopped, and the fire starts when it has ended.
    case cancelOther = "CancelOther"
    /// The fire starts at once.
    case allowAll = "AllowAll"
    /// The last fire waits for the end of the execution; those before it are dropped.
    case latestOnly = "LatestOnly"
}

/// What happens to fires whose time passed more than ``CatchupPolicy/graceSeconds`` ago, as nobody was there.
public enum CatchupPolicy: Sendable, Hashable {
    case none
    /// Of all that is due, the last one fires.
    case last
    case all
    /// Those of the last so many seconds fire.
    case window(seconds: Int)

    /// EventBridge Scheduler keeps times to the minute.
    public static let graceSeconds = 60
}

/// A number that follows from two texts: their FNV-1a, whose bits are then mixed by SplitMix64's last step.
func mixed(_ first: String, _ second: String) -> UInt64 {
    var hash = FNV1a(first.utf8)
    hash.add(0)
    hash.add(second.utf8)
    return SplitMix64.mixed(hash.value)
}
