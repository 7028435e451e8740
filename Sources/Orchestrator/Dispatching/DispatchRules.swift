public import JSON
import StepContracts

/// What the operator says of who gets which task: what steps book, which workers they want, how urgent machines are, and
/// what is limited. `dispatch.yaml` beside the workflows.
public struct DispatchRules: Sendable, Hashable {
    /// What is said of a step.
    public struct Step: Sendable, Hashable {
        /// What is nil stays as the step's contract estimates it.
        public var millicores: Int?
        public var memoryBytes: Int?
        public var scratchBytes: Int?
        public var labels: [String: String] = [:]

        public init() {}

        /// What a task of the step books, given its contract's estimate. What a person wrote is a demand.
        public func reservation(estimate: Resources) -> Reservation {
            Reservation(
                Resources(
                    millicores: millicores ?? estimate.millicores, memoryBytes: memoryBytes ?? estimate.memoryBytes,
                    scratchBytes: scratchBytes ?? estimate.scratchBytes),
                isDemand: memoryBytes != nil || scratchBytes != nil)
        }
    }

    /// A limit, and what it is for.
    public struct Rule: Sendable, Hashable {
        /// What the tasks that it bounds are told apart by; nil where all count together.
        public enum Each: Sendable, Hashable {
            /// The share: a title.
            case share
            /// What stands at this JSON Pointer (RFC 6901) in the task's input: by its unescaped parts.
            case pointer([String])
        }

        public var step: String?
        public var machine: String?
        public var each: Each?
        public var limit: TaskLimit
        /// What the limit is called in answers to "why does it wait".
        public var label: String

        public init(
            step: String? = nil, machine: String? = nil, each: Each? = nil, limit: TaskLimit, label: String
        ) {
            self.step = step
            self.machine = machine
            self.each = each
            self.limit = limit
            self.label = label
        }

        /// The key under which a task counts; nil where the rule is not about it.
        public func key(step: String, machine: String, share: String, input: JSON) -> String? {
            if let own = self.step, own != step { return nil }
            if let own = self.machine, own != machine { return nil }
            switch each {
            case nil: return label
            case .share: return "\(label) \(share)"
            case .pointer(let parts):
                var value = input
                for part in parts {
                    guard let next = value[part] ?? Int(part).flatMap({ value[$0] }) else { return nil }
                    value = next
                }
                // Long values would only make long keys.
                return "\(label) \((value.stringValue ?? value.text).prefix(256))"
            }
        }
    }

    /// By the step's name.
    public var steps: [String: Step] = [:]
    /// Priorities of machines by name.
    public var priorities: [String: Int] = [:]
    public var rules: [Rule] = []
    /// After how many workers lost with it in their hands a task is parked; 0 for never.
    public var parkAfter = 2
    /// See ``Dispatcher/Settings/failuresInRow``.
    public var quarantineAfter = 5

    public static let standard = DispatchRules()

    /// Rules in one document.
    public static let maximumRules = 1000

    public init() {}

    /// What is wrong with a document, and where.
    public struct Fault: Sendable, Hashable {
        public let place: SourcePlace
        public let reason: String
    }

    /// All that is wrong with a document, in its order.
    public struct Faults: Error, Sendable, Hashable {
        public let faults: [Fault]
    }

    /// Reads a document. Throws everything that is wrong with it.
    ///
    /// - Parameters:
    ///   - steps: names of the steps that exist.
    public init(_ document: SourceTree, steps known: Set<String>) throws(Faults) {
        var reader = DispatchRulesReader(known: known)
        self = reader.read(document)
        guard reader.faults.isEmpty else { throw Faults(faults: reader.faults) }
    }
}

private struct DispatchRulesReader {
    let known: Set<String>
    var faults: [DispatchRules.Fault] = []

    init(known: Set<String>) { self.known = known }

    mutating func read(_ document: SourceTree) -> DispatchRules {
        var rules = DispatchRules()
        for member in members(of: document, "the document", knowing: Self.top) {
            switch member.key {
            case "steps":
                for step in members(of: member.value, "'steps'", knowing: nil) {
                    check(step: step.key, at: step.keyPlace)
                    rules.steps[step.key] = readStep(step)
                }
            case "machines":
                for machine in members(of: member.value, "'machines'", knowing: nil) {
                    for field in members(of: machine.value, "'\(machine.key)'", knowing: ["priority"]) {
                        rules.priorities[machine.key] = integer(field, 0...ReadyTask.highestPriority)
                    }
                }
            case "limits":
                guard case .sequence(let elements) = member.value.content, elements.count <= DispatchRules.maximumRules
                else {
                    note(member.value.place, "'limits' has to be a list of at most \(DispatchRules.maximumRules)")
                    continue
                }
                for element in elements { if let rule = readRule(element) { rules.rules.append(rule) } }
            case "parkAfter": rules.parkAfter = integer(member, 0...1000) ?? rules.parkAfter
            case "quarantineAfter": rules.quarantineAfter = integer(member, 0...1000) ?? rules.quarantineAfter
            default: break
            }
        }
        return rules
    }

    private static let top = ["steps", "machines", "limits", "parkAfter", "quarantineAfter"]

    private mutating func readStep(_ member: SourceTree.Member) -> DispatchRules.Step {
        var step = DispatchRules.Step()
        let fields = members(
            of: member.value, "'\(member.key)'", knowing: ["cores", "memory", "scratch", "labels"])
        for field in fields {
            switch field.key {
            case "cores":
                guard let cores = field.value.json.doubleValue, cores >= 0, cores <= 4096 else {
                    note(field.value.place, "'cores' has to be a number from 0 to 4096")
                    continue
                }
                step.millicores = Int((cores * 1000).rounded())
            case "memory": step.memoryBytes = bytes(field)
            case "scratch": step.scratchBytes = bytes(field)
            default:
                for label in members(of: field.value, "'labels'", knowing: nil) {
                    guard let text = label.value.json.stringValue else {
                        note(label.value.place, "a label's value has to be a text; put it between quotes")
                        continue
                    }
                    step.labels[label.key] = text
                }
            }
        }
        return step
    }

    private mutating func readRule(_ element: SourceTree) -> DispatchRules.Rule? {
        var rule = DispatchRules.Rule(limit: TaskLimit(), label: "")
        let count = faults.count
        var burst: Int?
        let fields = ["step", "machine", "each", "concurrency", "rate", "burst"]
        for field in members(of: element, "a limit", knowing: fields) {
            switch field.key {
            case "step":
                rule.step = field.value.json.stringValue
                check(step: rule.step ?? "", at: field.value.place)
            case "machine": rule.machine = field.value.json.stringValue
            case "each": rule.each = each(field)
            case "concurrency": rule.limit.concurrency = integer(field, 1...1_000_000)
            case "burst": burst = integer(field, 1...1_000_000)
            default:
                guard let rate = field.value.json.doubleValue, rate > 0, rate <= 1_000_000 else {
                    note(field.value.place, "'rate' has to be a number of starts a second, above 0")
                    continue
                }
                rule.limit.ratePerSecond = rate
            }
        }
        if rule.step == nil, rule.machine == nil { note(element.place, "a limit is for a step, a machine or both") }
        if rule.limit.concurrency == nil, rule.limit.ratePerSecond == nil {
            note(element.place, "a limit has a concurrency, a rate or both")
        }
        if burst != nil, rule.limit.ratePerSecond == nil { note(element.place, "'burst' goes with a rate") }
        rule.limit.burst = burst ?? max(1, Int(min(rule.limit.ratePerSecond ?? 1, 1_000_000)))
        var label = [rule.step.map { "step \($0)" }, rule.machine.map { "machine \($0)" }].compactMap(\.self)
            .joined(separator: ", ")
        switch rule.each {
        case .share: label += ", share"
        case .pointer(let parts): label += ", /\(parts.joined(separator: "/"))"
        case nil: break
        }
        rule.label = label
        return faults.count == count ? rule : nil
    }

    private mutating func each(_ field: SourceTree.Member) -> DispatchRules.Rule.Each? {
        let text = field.value.json.stringValue ?? ""
        if text == "share" { return .share }
        guard text.hasPrefix("/"), text.utf8.count <= 256 else {
            note(field.value.place, "'each' has to be 'share' or a JSON Pointer into the task's input, like /account")
            return nil
        }
        return .pointer(
            text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
                Self.replacing("~0", by: "~", in: Self.replacing("~1", by: "/", in: String(part)))
            })
    }

    private static func replacing(_ escape: String, by character: String, in text: String) -> String {
        text.split(separator: escape, omittingEmptySubsequences: false).joined(separator: character)
    }

    private mutating func integer(_ member: SourceTree.Member, _ range: ClosedRange<Int>) -> Int? {
        if let number = member.value.json.integerValue, range.contains(number) { return number }
        note(
            member.value.place,
            "'\(member.key)' has to be an integer from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// A number of bytes, or a text like `6GiB`.
    private mutating func bytes(_ member: SourceTree.Member) -> Int? {
        if let number = member.value.json.integerValue, number >= 0 { return number }
        if let text = member.value.json.stringValue, let amount = ByteCount.read(text) { return amount }
        note(member.value.place, "'\(member.key)' has to be a number of bytes or one with KiB, MiB, GiB or TiB: 6GiB")
        return nil
    }

    private mutating func check(step: String, at place: SourcePlace) {
        if !known.contains(step) { note(place, "there is no step '\(step)'") }
    }

    private mutating func members(
        of tree: SourceTree, _ what: String, knowing names: [String]?
    ) -> [SourceTree.Member] {
        guard case .mapping(let members) = tree.content else {
            note(tree.place, "\(what) has to be a mapping")
            return []
        }
        var seen: Set<String> = []
        return members.filter { member in
            if !seen.insert(member.key).inserted {
                note(member.keyPlace, "'\(member.key)' stands here twice")
                return false
            }
            guard let names, !names.contains(member.key) else { return true }
            note(
                member.keyPlace, "'\(member.key)' is not known here: there are \(names.joined(separator: ", "))")
            return false
        }
    }

    private mutating func note(_ place: SourcePlace, _ reason: String) {
        faults.append(DispatchRules.Fault(place: place, reason: reason))
    }
}
