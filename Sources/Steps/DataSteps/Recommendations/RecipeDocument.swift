import JSON
import Recommender
import StepContracts

/// A recipe as workflows write it: every member has a standard. docs/recommendations.md lists them.
enum RecipeDocument {
    private static let members = [
        "weights", "dimensions", "epochs", "regularization", "unobserved", "linearRegularization", "neighbours",
        "neighbourCount", "damping", "popularityHalfLifeDays", "contentRegularization", "contentEvidence", "blend",
    ]

    static func recipe(_ document: JSON) throws(StepFailure) -> Recipe {
        guard case .object(let given) = document else { throw .parametersInvalid("'recipe' is no object") }
        for name in given.keys where !members.contains(name) {
            throw .parametersInvalid(
                "'recipe.\(name)' is no member of a recipe; known are \(members.joined(separator: ", "))")
        }
        let input = StepInput(document: document)
        var recipe = Recipe()
        if let weights = document["weights"] {
            guard let kind = Weighting.Kind.allCases.first(where: { "\($0)" == weights.stringValue }) else {
                throw .parametersInvalid("'weights' is \(weights.text); it is binary, linear or logarithmic")
            }
            recipe.weighting = kind
        }
        let dimensions = try input.integer("dimensions", recipe.factors.dimensions, in: 8...512)
        guard dimensions % 8 == 0 else {
            throw .parametersInvalid("'dimensions' is \(dimensions); it has to be a multiple of 8")
        }
        recipe.factors = FactorSettings(
            dimensions: dimensions, epochs: try input.integer("epochs", 10, in: 1...1000),
            regularization: Float(try input.number("regularization", 0.003, in: 1e-6...10)),
            unobservedWeight: Float(try input.number("unobserved", 0.1, in: 0.001...10)))
        recipe.linearRegularization = Float(try input.number("linearRegularization", 300, in: 0.1...1e6))
        var neighbours = recipe.neighbours
        if let measure = document["neighbours"] {
            guard let known = NeighbourSettings.Measure.allCases.first(where: { "\($0)" == measure.stringValue }) else {
                throw .parametersInvalid("'neighbours' is \(measure.text); it is walk or cosine")
            }
            neighbours.measure = known
        }
        neighbours.damping = Float(try input.number("damping", Double(neighbours.damping), in: 0...1000))
        neighbours.neighbours = try input.integer("neighbourCount", neighbours.neighbours, in: 1...10_000)
        recipe.neighbours = neighbours
        let halfLife = try input.number("popularityHalfLifeDays", 0, in: 0...36_500)
        recipe.popularityHalfLife = halfLife > 0 ? halfLife * 86_400 : nil
        recipe.contentRegularization = Float(try input.number("contentRegularization", 1, in: 1e-3...1e4))
        recipe.contentEvidence = Float(try input.number("contentEvidence", 1, in: 0...1e4))
        if let blend = document["blend"] {
            let shares = StepInput(document: blend)
            recipe.blend = Recipe.Blend(
                factors: Float(try shares.number("factors", 0, in: 0...1)),
                linear: Float(try shares.number("linear", 0, in: 0...1)),
                neighbours: Float(try shares.number("neighbours", 0, in: 0...1)),
                popularity: Float(try shares.number("popularity", 0, in: 0...1)))
        }
        return recipe
    }

    static func document(_ recipe: Recipe) -> JSON {
        func number(_ value: Float) -> JSON { .double((Double(value) * 1e7).rounded() / 1e7) }
        return .members(
            ("weights", .string("\(recipe.weighting)")), ("dimensions", .integer(recipe.factors.dimensions)),
            ("epochs", .integer(recipe.factors.epochs)), ("regularization", number(recipe.factors.regularization)),
            ("unobserved", number(recipe.factors.unobservedWeight)),
            ("linearRegularization", number(recipe.linearRegularization)),
            ("neighbours", .string("\(recipe.neighbours.measure)")),
            ("neighbourCount", .integer(recipe.neighbours.neighbours)),
            ("damping", number(recipe.neighbours.damping)),
            ("popularityHalfLifeDays", .double((recipe.popularityHalfLife ?? 0) / 86_400)),
            ("contentRegularization", number(recipe.contentRegularization)),
            ("contentEvidence", number(recipe.contentEvidence)),
            (
                "blend",
                [
                    "factors": number(recipe.blend.factors), "linear": number(recipe.blend.linear),
                    "neighbours": number(recipe.blend.neighbours), "popularity": number(recipe.blend.popularity),
                ]
            ))
    }

    static func document(_ metrics: Metrics) -> JSON {
        [
            "ndcg@100": .double(metrics.ndcgAt100), "recall@20": .double(metrics.recallAt20),
            "recall@50": .double(metrics.recallAt50), "coverage@20": .double(metrics.coverageAt20),
            "novelty@20": .double(metrics.noveltyAt20),
        ]
    }

    static func metrics(_ document: JSON, _ name: String) throws(StepFailure) -> Metrics {
        func number(_ member: String) throws(StepFailure) -> Double {
            guard let value = document[member]?.doubleValue, value.isFinite, value >= 0 else {
                throw .parametersInvalid("'\(name)' has no '\(member)'")
            }
            return value
        }
        return Metrics(
            ndcgAt100: try number("ndcg@100"), recallAt20: try number("recall@20"),
            recallAt50: try number("recall@50"), coverageAt20: try number("coverage@20"),
            noveltyAt20: try number("novelty@20"))
    }
}
