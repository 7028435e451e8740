/// The steps of the nightly retraining and of its rollback. What they hand on are stored objects, each with key, bytes and
/// sha256.
extension StepContract {
    public static let extractInteractions = StepContract(
        name: "extract-interactions", version: 1,
        summary: "Gathers what profiles did with titles up to a moment, with the catalogue as it is, into one object.",
        runner: .dataWorker, heartbeatSeconds: 60,
        input: [
            StepField("cutoff", .string, "RFC 3339; what was recorded at it or later is left out"),
            StepField(
                "days", .number, required: false,
                "what happened longer before is left out, 1 to \(RecommendationLimits.days); 730"),
        ],
        output: [
            StepField("extract", .object, "the stored extract"),
            StepField("cutoff", .string, "the cut-off"),
            StepField("profiles", .number, "profiles that did something"),
            StepField("titles", .number, "titles of the catalogue, and those that are gone but were watched"),
            StepField("interactions", .number, "pairs of profile and title"),
        ])

    public static let splitInteractions = StepContract(
        name: "split-interactions", version: 1,
        summary: "Cuts an extract by time into what candidates train on and what they have to find.",
        runner: .dataWorker, heartbeatSeconds: 60,
        input: [
            StepField("extract", .object, "the stored extract"),
            StepField("share", .number, required: false, "of the interactions, how much is later; 0.2"),
            StepField(
                "profiles", .number, required: false,
                "profiles to measure by at most, 1 to \(RecommendationLimits.measuredProfiles); 2000"),
            StepField("seed", .number, required: false, "which are drawn; 1"),
        ],
        output: [
            StepField("training", .object, "the stored extract to train on"),
            StepField("truth", .object, "the stored extract of what came after it"),
            StepField("at", .string, "the moment of the cut, RFC 3339"),
            StepField("trainingInteractions", .number, "pairs of profile and title before it"),
            StepField("truthProfiles", .number, "profiles to measure by"),
        ])

    public static let trainModel = StepContract(
        name: "train-model", version: 1,
        summary: "Trains a recommendation model on an extract.",
        runner: .dataWorker, heartbeatSeconds: 120,
        input: [
            StepField("extract", .object, "the stored extract"),
            StepField("recipe", .object, "how: see docs/recommendations.md"),
            StepField("seed", .number, required: false, "where all that is drawn comes from; 1"),
        ],
        output: [
            StepField("model", .object, "the stored model"),
            StepField("recipe", .object, "the recipe, whole"),
            StepField("profiles", .number, "profiles it was trained on"),
            StepField("titles", .number, "titles it knows"),
            StepField("interactions", .number, "pairs of profile and title it was trained on"),
            StepField("cpuSeconds", .number, "processor time spent"),
        ])

    public static let evaluateModel = StepContract(
        name: "evaluate-model", version: 1,
        summary: "Measures a model on what profiles watched after its training.",
        runner: .dataWorker, heartbeatSeconds: 120,
        input: [
            StepField("model", .object, "the stored model"),
            StepField("truth", .object, "the stored extract of what came after"),
        ],
        output: [
            StepField("metrics", .object, "ndcg@100, recall@20, recall@50, coverage@20, novelty@20"),
            StepField("profiles", .number, "profiles that were ranked"),
        ])

    public static let gateModel = StepContract(
        name: "gate-model", version: 1,
        summary: "Says whether a model may take the place of the one in service, and compares them.",
        runner: .dataWorker,
        input: [
            StepField("metrics", .object, "the candidate's"),
            StepField("baseline", .object, "those of popularity alone, on the same profiles"),
            StepField("profiles", .number, "how many profiles the candidate was measured on"),
            StepField("minimumProfiles", .number, required: false, "fewer say nothing; 20"),
            StepField(
                "tolerance", .object, required: false,
                "by which share ndcg, coverage and novelty may fall: 0.05, 0.2, 0.1"),
        ],
        output: [
            StepField("accepted", .boolean, "whether it may"),
            StepField("reasons", .array, "why it may not, a sentence each"),
            StepField("reason", .string, "all of it in one sentence"),
            StepField("comparison", .object, "candidate, baseline and serving, each with its metrics"),
        ])

    public static let scoreProfiles = StepContract(
        name: "score-profiles", version: 1,
        summary: "Ranks titles for one shard of the profiles into one stored object.",
        runner: .dataWorker, heartbeatSeconds: 120,
        input: [
            StepField("model", .object, "the stored model"),
            StepField("extract", .object, "the stored extract that it was trained on"),
            StepField("shard", .number, "which shard, from 0"),
            StepField("shards", .number, "how many there are, 1 to \(RecommendationLimits.shards)"),
            StepField("top", .number, required: false, "titles for each profile, 1 to 1000; 200"),
        ],
        output: [
            StepField("rankings", .object, "the stored rankings"),
            StepField("profiles", .number, "profiles in it"),
        ])

    public static let publishModel = StepContract(
        name: "publish-model", version: 1,
        summary: "Puts a generation of model and rankings in service, whole and once.",
        runner: .dataWorker,
        input: [
            StepField("execution", .string, "the run's id: who comes again changes nothing"),
            StepField("extract", .object, "the stored extract"),
            StepField("model", .object, "the stored model"),
            StepField("rankings", .array, "the stored rankings of all shards"),
            StepField("cutoff", .string, "the extract's cut-off, RFC 3339"),
            StepField("recipe", .object, "the model's recipe"),
            StepField("metrics", .object, "what it was measured with"),
            StepField(
                "trendingHalfLifeHours", .number, required: false, "after which a play counts half for trending; 72"),
        ],
        output: [
            StepField("generation", .number, "the run's generation"),
            StepField("previous", .number, required: false, "the one that was in service before"),
        ])

    public static let rollBackModel = StepContract(
        name: "roll-back-model", version: 1,
        summary: "Puts an earlier generation in service again.",
        runner: .dataWorker,
        input: [
            StepField("execution", .string, "the run's id: who comes again changes nothing"),
            StepField("generation", .number, required: false, "which one; the latest before that in service"),
        ],
        output: [
            StepField("generation", .number, "the one in service now"),
            StepField("previous", .number, required: false, "the one that was in service before"),
        ], errors: [StepErrorName.noGeneration])

    public static let collectModels = StepContract(
        name: "collect-models", version: 1,
        summary: "Forgets old generations, and deletes objects that none of the others needs.",
        runner: .dataWorker, heartbeatSeconds: 60,
        input: [
            StepField("keep", .number, required: false, "generations to keep, 1 to 100; 7"),
            StepField(
                "olderThanHours", .number, required: false, "younger objects stay: a run may be making them; 48"),
        ],
        output: [
            StepField("generations", .number, "generations forgotten"),
            StepField("objects", .number, "objects deleted"),
            StepField("bytes", .number, "bytes of these"),
            StepField("events", .number, "plays deleted that later ones cover"),
        ])

    static let recommendations: [StepContract] = [
        .extractInteractions, .splitInteractions, .trainModel, .evaluateModel, .gateModel, .scoreProfiles,
        .publishModel, .rollBackModel, .collectModels,
    ]
}

/// How large the parts of a retraining may be.
public enum RecommendationLimits {
    /// Interactions of one extract; 100 million take 2 GiB in the worker.
    public static let interactions = 100_000_000
    /// Events of one extract.
    public static let events = 500_000_000
    public static let titles = 1_000_000
    public static let days = 3650
    public static let measuredProfiles = 20_000
    public static let shards = 1000
    /// Titles in the list of what is watched at present.
    public static let trending = 500
}
