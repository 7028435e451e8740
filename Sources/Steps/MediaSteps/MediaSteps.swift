public import StepContracts

/// The steps of the media worker, by name.
public enum MediaSteps {
    public static let all: [any LocalStep.Type] = [
        ValidateStep.self, LadderStep.self, TranscodeStep.self, JoinStep.self, SubtitlesStep.self, ThumbnailStep.self,
        PackageStep.self,
    ]

    /// The step of a contract's name; nil when this room has none.
    public static func named(_ name: String) -> (any LocalStep.Type)? { all.first { $0.contract.name == name } }
}
