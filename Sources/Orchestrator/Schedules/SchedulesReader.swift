public import JSON
public import StatesLanguage

extension Schedule {
    /// A file holds at most so many.
    public static let maximumSchedules = 1000

    /// Reads `schedules.yaml`. All problems are told at once, in the order of the file; there are schedules when none of
    /// them is an error.
    ///
    /// - Parameters:
    ///   - machines: the names of the state machines here; nil where they are not known.
    ///   - zone: the rules of a time zone of that name; nil where there is none. Asked for names of the right form only
    ///     (``TimeZoneRules/isName(_:)``).
    public static func read(
        _ tree: SourceTree, machines: [String]? = nil,
        zone: (_ name: String) throws(TimeZoneError) -> TimeZoneRules?
    ) -> (schedules: [Schedule]?, problems: [Diagnostic]) {
        var reader = SchedulesReader(machines: machines)
        let schedules = reader.schedules(DocumentReader.Node(tree), zone: zone)
        return (reader.document.hasErrors ? nil : schedules, reader.document.diagnostics)
    }
}

private struct SchedulesReader {
    typealias Node = DocumentReader.Node
    typealias ZoneSource = (_ name: String) throws(TimeZoneError) -> TimeZoneRules?

    let machines: [String]?
    var document = DocumentReader()

    init(machines: [String]?) { self.machines = machines }

    mutating func schedules(_ node: Node, zone: ZoneSource) -> [Schedule] {
        var schedules: [Schedule] = []
        for member in document.members(node, of: ["Comment", "Schedules"], required: ["Schedules"]) {
            let child = node.child(member)
            guard member.key == "Schedules" else {
                _ = document.text(child)
                continue
            }
            for member in document.namedMembers(child, what: "schedules", atMost: Schedule.maximumSchedules) {
                if let schedule = schedule(member, child.child(member), zone: zone) { schedules.append(schedule) }
            }
        }
        return schedules
    }

    private static let fields = [
        "Description", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "State",
        "FlexibleTimeWindow", "OverlapPolicy", "CatchupPolicy", "CatchupWindowInMinutes", "Target",
    ]

    private mutating func schedule(_ member: SourceTree.Member, _ node: Node, zone: ZoneSource) -> Schedule? {
        document.checkName(member, node, of: "schedule", atMost: Schedule.maximumNameLength)
        let members = document.members(
            node, of: SchedulesReader.fields, required: ["ScheduleExpression", "Target"])
        if members.isEmpty { return nil }
        func child(_ name: String) -> Node? { members.first { $0.key == name }.map { node.child($0) } }
        let description = child("Description").flatMap { document.text($0) }
        let expression = child("ScheduleExpression").flatMap { self.expression($0) }
        let rules = child("ScheduleExpressionTimezone").map { self.zone($0, zone) } ?? .utc
        let start = child("StartDate").flatMap { self.time($0) }
        let end = child("EndDate").flatMap { self.time($0) }
        let state = child("State").flatMap { document.word($0, of: ["ENABLED", "DISABLED"]) }
        let window = child("FlexibleTimeWindow").map { flexibleWindow($0) } ?? 0
        let overlap = child("OverlapPolicy").flatMap {
            document.word($0, of: OverlapPolicy.allCases.map(\.rawValue)).flatMap(OverlapPolicy.init)
        }
        let catchup = catchupPolicy(child("CatchupPolicy"), window: child("CatchupWindowInMinutes"), node)
        let target = child("Target").flatMap { document.target($0, machines: machines) }
        guard let expression, let rules, let target else { return nil }
        let timing = ScheduleTiming(expression: expression, zone: rules, startDate: start, endDate: end)
        check(timing, expression: child("ScheduleExpression"), start: child("StartDate"), end: child("EndDate"))
        return Schedule(
            name: member.key, description: description, timing: timing, flexibleWindow: window,
            isEnabled: state != "DISABLED", overlapPolicy: overlap ?? .skip, catchupPolicy: catchup,
            target: target.machine, input: target.input)
    }

    // MARK: - When

    private mutating func expression(_ node: Node) -> ScheduleExpression? {
        guard let text = document.text(node) else { return nil }
        let (expression, problems) = ScheduleExpression.read(text)
        for problem in problems {
            // Where the place in the file can't tell the character, the sentence does.
            let isPlaced = node.tree.textPlace != nil
            document.report(
                .error, isPlaced ? problem.reason : problem.description,
                at: node.tree.place(ofCharacter: problem.offset), node.location)
        }
        return expression
    }

    private mutating func zone(_ node: Node, _ zone: ZoneSource) -> TimeZoneRules? {
        guard let name = document.text(node) else { return nil }
        do throws(TimeZoneError) {
            if TimeZoneRules.isName(name) {
                if name == "UTC" { return .utc }
                if let rules = try zone(name) { return rules }
            }
            document.report(
                "There is no time zone '\(name.prefix(100))'",
                advice: "write a name of the IANA database, such as Europe/Berlin", at: node)
        } catch {
            document.report("The time zone '\(name)' can't be used", advice: error.reason, at: node)
        }
        return nil
    }

    private mutating func time(_ node: Node) -> EpochSeconds? {
        document.timestamp(node).map { floorDivide(Int($0), 1_000_000) }
    }

    private mutating func flexibleWindow(_ node: Node) -> Int {
        let members = document.members(node, of: ["Mode", "MaximumWindowInMinutes"], required: ["Mode"])
        func child(_ name: String) -> Node? { members.first { $0.key == name }.map { node.child($0) } }
        let mode = child("Mode").flatMap { document.word($0, of: ["OFF", "FLEXIBLE"]) }
        let minutes = child("MaximumWindowInMinutes").flatMap {
            document.integer($0, in: 1...Schedule.maximumWindowMinutes)
        }
        switch mode {
        case "FLEXIBLE" where child("MaximumWindowInMinutes") == nil:
            document.report("A FLEXIBLE window has MaximumWindowInMinutes", at: node)
        case "OFF":
            if let child = child("MaximumWindowInMinutes") {
                document.report(
                    "A window that is OFF has no MaximumWindowInMinutes",
                    advice: "drop it, or write Mode: FLEXIBLE", at: child)
            }
            return 0
        default: break
        }
        return (minutes ?? 0) * 60
    }

    private mutating func catchupPolicy(_ policy: Node?, window: Node?, _ schedule: Node) -> CatchupPolicy {
        let word = policy.flatMap { document.word($0, of: ["None", "Last", "All", "Window"]) }
        let minutes = window.flatMap { document.integer($0, in: 1...(366 * 1440)) }
        if let policy, word == "Window", window == nil {
            document.report("The CatchupPolicy Window has CatchupWindowInMinutes beside it", at: policy)
        }
        if let window, word != "Window", policy == nil || word != nil {
            document.report(
                "CatchupWindowInMinutes means nothing without CatchupPolicy: Window",
                advice: "drop it, or write CatchupPolicy: Window", at: window)
        }
        return switch word {
        case "None": .none
        case "All": .all
        case "Window": .window(seconds: (minutes ?? 1) * 60)
        default: .last
        }
    }

    /// What can be read and makes no sense.
    private mutating func check(_ timing: ScheduleTiming, expression: Node?, start: Node?, end: Node?) {
        if case .at(let local) = timing.expression.kind {
            for node in [start, end] {
                guard let node else { continue }
                document.report(
                    .warning, "A one-time schedule has no use for StartDate and EndDate", advice: "drop it",
                    at: node.tree.place, node.location)
            }
            let occurrence = timing.nextFire(after: .min / 2, anchor: 0)
            if let expression, let note = occurrence?.note {
                document.report(
                    .warning, "Clocks of \(timing.zone.name) change around \(local): \(note)",
                    advice: occurrence.flatMap(\.time).map { "it fires at \(utcText($0))" }, at: expression.tree.place,
                    expression.location)
            }
            return
        }
        if let start = timing.startDate, let last = timing.endDate, last < start, let end {
            document.report("EndDate is before StartDate", at: end)
            return
        }
        if let expression, timing.nextFire(after: timing.startDate.map { $0 - 1 } ?? 0, anchor: 0) == nil {
            document.report(
                "The schedule never fires", advice: "no day of its dates is one that the expression names",
                at: expression)
        }
    }
}
