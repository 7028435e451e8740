import CatalogStore
import Cryptography
import Engine
import JSON
import Journal
import StepContracts

/// The step `publish`: the title's rows go in with the journal row that records the success.
struct PublishStep: EngineStep {
    let contract = StepContract.publish
    /// Scheme and authority of the viewers' service.
    let viewerURL: String

    func prepare(execution: String, input: JSON) throws(StepFailure) -> PreparedStep {
        let problems = contract.problems(withInput: input)
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        let statement: PublishStatement
        do throws(PublishError) {
            statement = try PublishStatement(
                titleID: Self.titleID(of: execution), executionID: execution, title: Self.title(of: input),
                metadata: input["metadata"], package: input["package"] ?? .null, thumbnails: input["thumbnails"],
                media: input["media"])
        } catch {
            throw .parametersInvalid("The title can't be published: \(error)")
        }
        return PreparedStep(
            output: [
                "titleId": .string(statement.titleID),
                "hls": .string(MediaAddress.url(of: statement.hlsKey, base: viewerURL)),
                "dash": .string(MediaAddress.url(of: statement.dashKey, base: viewerURL)),
            ],
            statement: AttachedStatement { first in statement.statement(firstParameter: first) })
    }

    /// The same for every attempt of an execution, so that a title is published once.
    static func titleID(of execution: String) -> String {
        String(SHA256.hash("title \(execution)").hex.prefix(20))
    }

    /// The name given; else the metadata's; else the source file's, since a title without a name can't be found.
    private static func title(of input: JSON) -> String? {
        if let title = input["title"]?.stringValue { return title }
        if input["metadata"]?["title"]?.stringValue != nil { return nil }
        let url = input["media"]?["source"]?["url"]?.stringValue ?? ""
        let file = url.split(separator: "/").last.map(String.init) ?? "Untitled"
        return file.split(separator: ".").dropLast().isEmpty
            ? file : file.split(separator: ".").dropLast().joined(separator: ".")
    }
}
