/// Draws versions by the weights of an alias, as from a pack of a hundred cards that is shuffled when it is used up: which
/// one comes next is chance, and of each hundred executions every version gets exactly its share.
struct RoutingDeck: Sendable {
    let routes: [Route]
    private var cards: [UInt8] = []

    /// - Parameter routes: their weights make 100.
    init(_ routes: [Route]) {
        precondition(routes.reduce(0) { $0 + $1.weight } == 100, "the weights of a routing make 100")
        self.routes = routes
    }

    /// The version that the next execution takes.
    mutating func draw(using generator: inout some RandomNumberGenerator) -> Int {
        if cards.isEmpty {
            for (index, route) in routes.enumerated() {
                cards += [UInt8](repeating: UInt8(index), count: route.weight)
            }
            cards.shuffle(using: &generator)
        }
        return routes[Int(cards.removeLast())].version
    }
}

/// Random numbers of the engine's source.
struct CryptographicGenerator: RandomNumberGenerator {
    let randomBytes: RandomBytes

    mutating func next() -> UInt64 { randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

extension Engine {
    /// Packs kept at the same time; with more aliases in use than this they are begun anew.
    private static let maximumDecks = 10_000

    /// The version that an execution started by an alias takes.
    func draw(_ alias: Alias, of machine: Machine) -> Int {
        let arn = machine.arn(of: alias)
        var deck = routingDecks[arn] ?? RoutingDeck(alias.routes)
        if deck.routes != alias.routes { deck = RoutingDeck(alias.routes) }
        var generator = CryptographicGenerator(randomBytes: randomBytes)
        let version = deck.draw(using: &generator)
        if routingDecks[arn] == nil, routingDecks.count >= Self.maximumDecks { routingDecks = [:] }
        routingDecks[arn] = deck
        return version
    }
}
