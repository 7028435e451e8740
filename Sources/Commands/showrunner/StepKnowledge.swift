import Cryptography
import Interpreter
import JSON
import StatesLanguage
import StepContracts

// What the commands that try definitions know of the steps of Showrunner.

extension StepContract {
    /// The contract of the step that a Resource names; nil when it names none.
    static func of(_ resource: String) -> StepContract? { (all + integrations).first { $0.resource == resource } }
}

extension ResultShape {
    /// The result of the step or the integration that a Resource names.
    static func ofResource(_ resource: String) -> ResultShape? { ofStep(resource) ?? ofIntegration(resource) }

    private static func ofStep(_ resource: String) -> ResultShape? {
        StepContract.all.first { $0.resource == resource }.map { contract in
            .structure(
                contract.output.map { field in
                    let shape: ResultShape =
                        switch field.kind {
                        case .string: .string
                        case .number: .number
                        case .boolean: .boolean
                        case .object: .structure([])
                        case .array: .list(.any)
                        case .any: .any
                        }
                    return ResultShape.Field(field.name, shape, required: field.isRequired)
                })
        }
    }
}

/// `States.Hash` and `$hash` for commands that evaluate.
let digestOfBytes: EvaluationScope.Digest = { algorithm, bytes in
    guard let digest = MessageDigest(rawValue: algorithm.rawValue) else {
        preconditionFailure("the language has no digest that OpenSSL lacks: \(algorithm.rawValue)")
    }
    return digest.hex(of: bytes)
}
