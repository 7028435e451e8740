import JSON
import OrderedCollections
import StatesLanguage
import StepContracts

/// Retry and Catch.
extension DefinitionSchema {
    /// Of the language, in the order in which its specification names them.
    private static let languageErrors = [
        ErrorName.all, ErrorName.heartbeatTimeout, ErrorName.timeout, ErrorName.taskFailed, ErrorName.permissions,
        ErrorName.resultPathMatchFailure, ErrorName.parameterPathFailure, ErrorName.branchFailed,
        ErrorName.noChoiceMatched, ErrorName.intrinsicFailure, ErrorName.exceedToleratedFailureThreshold,
        ErrorName.itemReaderFailed, ErrorName.resultWriterFailed, ErrorName.queryEvaluationError, ErrorName.runtime,
        ErrorName.dataLimitExceeded,
    ]

    /// Of the steps, each once, in the order of the steps.
    private static let stepErrors = Array(OrderedSet(StepContract.all.flatMap(\.errors)))

    /// Known names are offered; a task of one's own may fail with any other.
    static let errorName: JSON = [
        "anyOf": [["enum": .array((languageErrors + stepErrors).map(JSON.string))], ["type": "string"]]
    ]

    private static let errorEquals = Field(
        "ErrorEquals",
        list(
            reference("errorName"), least: 1,
            "The errors this entry is for. States.ALL stands for every error, alone and in the last entry."))

    static let retrier: JSON = shape(
        [
            comment, errorEquals,
            Field(
                "IntervalSeconds", seconds("Pause before the first retry, in seconds; 1 unless given."), required: false
            ),
            Field(
                "MaxAttempts", whole(0...99_999_999, "Retries before the state fails; 3 unless given, 0 for none."),
                required: false),
            Field(
                "BackoffRate",
                described(
                    ["type": "number", "minimum": 1], "Each pause is so many times the one before; 2 unless given."),
                required: false),
            Field(
                "MaxDelaySeconds",
                whole(1...31_622_399, "No pause is longer, in seconds; greater than IntervalSeconds."),
                required: false),
            Field(
                "JitterStrategy",
                choice(["FULL", "NONE"], "FULL draws each pause between nothing and its length; NONE unless given."),
                required: false),
        ], "When and how often the state is tried again.")

    static func catcher(_ language: QueryLanguage) -> JSON {
        var fields = [comment, errorEquals, Field("Next", text("The state that goes on after such an error."))]
        switch language {
        case .jsonPath:
            fields.append(
                Field(
                    "ResultPath",
                    pathOrNull("Where the error output {Error, Cause} goes in the state's input; $ replaces it."),
                    required: false))
        case .jsonata:
            fields.append(
                Field("Output", output("$states.errorOutput holds Error and Cause."), required: false))
        }
        return shape(fields + [assign(language)], "Where an error leads that no retry has mended.")
    }

    static let retry = Field(
        "Retry", list(reference("retrier"), "Retriers; the first whose ErrorEquals covers the error counts."),
        required: false)

    static func catches(_ language: QueryLanguage) -> Field {
        Field(
            "Catch",
            list(reference("catcher.\(language)"), "Catchers; the first whose ErrorEquals covers the error counts."),
            required: false)
    }

    /// Output of a JSONata state, catcher or choice rule.
    static func output(_ addition: String? = nil) -> JSON {
        [
            "description": .string(
                "What is handed on: any JSON with {% expressions %}." + (addition.map { " " + $0 } ?? ""))
        ]
    }
}
