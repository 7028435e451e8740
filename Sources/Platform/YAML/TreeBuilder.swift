import JSON

/// Builds the tree from events, within limits.
struct TreeBuilder {
    private let parser: EventParser
    /// Where the text was rewritten before it was parsed, so that places can be told in the author's columns.
    private let columns: SurrogateRewriting?
    private var anchors: [String: Anchored] = [:]
    private var nodes = 0
    private var depth = 0

    private struct Anchored {
        let content: SourceTree.Content
        let nodes: Int
        let height: Int
    }

    private typealias Built = (tree: SourceTree, height: Int)

    init(_ parser: EventParser, columns: SurrogateRewriting? = nil) {
        self.parser = parser
        self.columns = columns
    }

    consuming func document() throws(YAMLError) -> SourceTree {
        do throws(YAMLError) {
            return try read()
        } catch {
            throw YAMLError(place: columns?.original(error.place) ?? error.place, reason: error.reason)
        }
    }

    private mutating func read() throws(YAMLError) -> SourceTree {
        _ = try parser.next()
        let start = try parser.next()
        if case .streamEnd = start.kind { throw YAMLError(place: start.place, reason: "the document is empty") }
        let tree = try node(parser.next()).tree
        _ = try parser.next()
        let end = try parser.next()
        guard case .streamEnd = end.kind else {
            throw YAMLError(place: end.place, reason: "a second document begins here; a file holds one")
        }
        return tree
    }

    private mutating func node(_ event: EventParser.Event) throws(YAMLError) -> Built {
        let place = columns?.original(event.place) ?? event.place
        try count(1, at: event)
        let before = nodes
        let content: SourceTree.Content
        var textPlace: SourcePlace?
        var height = 0
        switch event.kind {
        case .alias(let name):
            guard let anchored = anchors[name] else {
                throw YAMLError(place: event.place, reason: "the alias '*\(name)' has no anchor '&\(name)' before it")
            }
            try count(anchored.nodes, at: event)
            try checkDepth(depth + anchored.height, at: event)
            return (SourceTree(anchored.content, at: place), anchored.height)
        case .scalar(let text, let isPlain, let start):
            textPlace = start.map { columns?.original($0) ?? $0 }
            content = .scalar(try ScalarResolution.value(of: text, isPlain: isPlain, tag: event.tag, at: event.place))
        case .sequenceStart:
            (content, height) = try sequence(event)
        case .mappingStart:
            (content, height) = try mapping(event)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            preconditionFailure("libyaml gave the end of a structure where a node begins")
        }
        if let anchor = event.anchor {
            anchors[anchor] = Anchored(content: content, nodes: nodes - before, height: height)
        }
        return (SourceTree(content, at: place, text: textPlace), height)
    }

    private mutating func sequence(_ event: EventParser.Event) throws(YAMLError) -> (SourceTree.Content, Int) {
        try ScalarResolution.check(tag: event.tag, is: "seq", at: event.place)
        try enter(event)
        var elements: [SourceTree] = []
        var height = 0
        while true {
            let next = try parser.next()
            if case .sequenceEnd = next.kind { break }
            let element = try node(next)
            elements.append(element.tree)
            height = max(height, element.height)
        }
        depth -= 1
        return (.sequence(elements), height + 1)
    }

    private mutating func mapping(_ event: EventParser.Event) throws(YAMLError) -> (SourceTree.Content, Int) {
        try ScalarResolution.check(tag: event.tag, is: "map", at: event.place)
        try enter(event)
        var members: [SourceTree.Member] = []
        var height = 0
        while true {
            let keyEvent = try parser.next()
            if case .mappingEnd = keyEvent.kind { break }
            guard case .scalar(let key, let isPlain, _) = keyEvent.kind else {
                throw YAMLError(place: keyEvent.place, reason: "the name of a member must be a text")
            }
            if key == "<<", isPlain {
                throw YAMLError(
                    place: keyEvent.place, reason: "merge keys ('<<') are not supported: write the members out")
            }
            let value = try node(parser.next())
            members.append(
                SourceTree.Member(
                    key: key, keyPlace: columns?.original(keyEvent.place) ?? keyEvent.place, value: value.tree))
            height = max(height, value.height)
        }
        depth -= 1
        return (.mapping(members), height + 1)
    }

    private mutating func enter(_ event: EventParser.Event) throws(YAMLError) {
        depth += 1
        try checkDepth(depth, at: event)
    }

    private func checkDepth(_ depth: Int, at event: EventParser.Event) throws(YAMLError) {
        if depth > YAMLDocument.maximumDepth {
            throw YAMLError(place: event.place, reason: "nested deeper than \(YAMLDocument.maximumDepth) levels")
        }
    }

    private mutating func count(_ added: Int, at event: EventParser.Event) throws(YAMLError) {
        nodes += added
        if nodes > YAMLDocument.maximumNodes {
            throw YAMLError(
                place: event.place,
                reason: "the document has more than \(YAMLDocument.maximumNodes) values, aliases resolved")
        }
    }
}
