public import JSON
public import StatesLanguage

extension Trigger {
    /// A file holds at most so many.
    public static let maximumTriggers = 1000

    /// Reads `triggers.yaml`. All problems are told at once, in the order of the file; there are triggers when none of
    /// them is an error.
    ///
    /// - Parameter machines: the names of the state machines here; nil where they are not known.
    public static func read(
        _ tree: SourceTree, machines: [String]? = nil
    ) -> (triggers: [Trigger]?, problems: [Diagnostic]) {
        var reader = TriggersReader(machines: machines)
        let triggers = reader.triggers(DocumentReader.Node(tree))
        return (reader.document.hasErrors ? nil : triggers, reader.document.diagnostics)
    }
}

private struct TriggersReader {
    typealias Node = DocumentReader.Node

    let machines: [String]?
    var document = DocumentReader()

    init(machines: [String]?) { self.machines = machines }

    mutating func triggers(_ node: Node) -> [Trigger] {
        var triggers: [Trigger] = []
        for member in document.members(node, of: ["Comment", "Triggers"], required: ["Triggers"]) {
            let child = node.child(member)
            guard member.key == "Triggers" else {
                _ = document.text(child)
                continue
            }
            for member in document.namedMembers(child, what: "triggers", atMost: Trigger.maximumTriggers) {
                if let trigger = trigger(member, child.child(member)) { triggers.append(trigger) }
            }
        }
        return triggers
    }

    private mutating func trigger(_ member: SourceTree.Member, _ node: Node) -> Trigger? {
        document.checkName(member, node, of: "trigger", atMost: Trigger.maximumNameLength)
        let members = document.members(
            node, of: ["Description", "Source", "State", "EventPattern", "IdempotencyKey", "Target"],
            required: ["Source", "Target"])
        func child(_ name: String) -> Node? { members.first { $0.key == name }.map { node.child($0) } }
        let description = child("Description").flatMap { document.text($0) }
        let source = child("Source").flatMap { self.source($0) }
        let state = child("State").flatMap { document.word($0, of: ["ENABLED", "DISABLED"]) }
        let pattern = child("EventPattern").flatMap { EventPattern($0, in: &document) }
        let key = child("IdempotencyKey").flatMap { idempotencyKey($0) }
        if source == .webhook, child("IdempotencyKey") == nil {
            document.report(
                "A webhook has an IdempotencyKey",
                advice:
                    "write an expression that tells one event from another, such as \"{% $states.input.detail.id %}\"",
                at: node)
        }
        guard let target = child("Target").flatMap({ document.target($0, machines: machines) }), let source else {
            return nil
        }
        return Trigger(
            name: member.key, description: description, source: source, pattern: pattern,
            isEnabled: state != "DISABLED", target: target.machine, input: target.input, idempotencyKey: key)
    }

    private mutating func source(_ node: Node) -> Trigger.Source? {
        let members = document.members(node, of: ["Kind", "Bucket", "Path"], required: ["Kind"])
        func child(_ name: String) -> Node? { members.first { $0.key == name }.map { node.child($0) } }
        guard let kindNode = child("Kind"),
            let kind = document.word(kindNode, of: ["upload", "s3", "webhook", "directory", "execution"])
        else { return nil }
        for (name, owner) in [("Bucket", "s3"), ("Path", "directory")] where kind != owner {
            if let child = child(name) { document.report("\(name) belongs to the kind \(owner)", at: child) }
        }
        switch kind {
        case "s3":
            guard let bucket = child("Bucket") else {
                document.report("A source of kind s3 has a Bucket", at: node)
                return nil
            }
            guard let text = document.text(bucket) else { return nil }
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
            guard (3...63).contains(text.utf8.count),
                text.utf8.allSatisfy({ isNameByte($0) && $0 != UInt8(ascii: "_") })
            else {
                document.report("'\(text.prefix(100))' is no name of a bucket", at: bucket)
                return nil
            }
            return .s3(bucket: text)
        case "directory":
            guard let path = child("Path") else {
                document.report("A source of kind directory has a Path", at: node)
                return nil
            }
            guard let text = document.text(path) else { return nil }
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard text.hasPrefix("/"), text.utf8.count <= 1024, !text.utf8.contains(0), !parts.contains("..") else {
                document.report(
                    "'\(text.prefix(100))' is no absolute path", advice: "begin with / and name no '..'", at: path)
                return nil
            }
            return .directory(path: text)
        case "webhook": return .webhook
        case "execution": return .execution
        default: return .upload
        }
    }

    /// A text with an expression: one that stands for itself would make all events the same.
    private mutating func idempotencyKey(_ node: Node) -> PayloadTemplate? {
        guard let text = document.text(node) else { return nil }
        guard text.hasPrefix("{%") else {
            document.report(
                "The IdempotencyKey is the same for all events",
                advice: "write an expression, such as \"{% $states.input.detail.id %}\"", at: node)
            return nil
        }
        return document.template(node, language: .jsonata)
    }
}
