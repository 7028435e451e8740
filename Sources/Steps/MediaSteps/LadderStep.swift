public import JSON
public import StepContracts

/// Chooses the rungs of a film by trial, for an encode in parts: each part is then encoded alike.
public struct LadderStep: LocalStep {
    public static var contract: StepContract { .ladder }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let source = try StepInput(input, LadderStep.contract, surroundings)
        let parameters = try TranscodeParameters(input)
        let began = TranscodeStep.processorSeconds()
        let film = try Film(input["media"], of: source.open())
        let choice = try LadderSearch.run(
            film, path: source.path, fixed: Ladder(film, codecs: parameters.codecs), preset: parameters.preset,
            share: parameters.searchShare, threads: max(1, surroundings.threads),
            directory: surroundings.outputDirectory, surroundings)
        var output = choice.document
        output["cpuSeconds"] = .seconds(TranscodeStep.processorSeconds() - began)
        return output
    }
}
