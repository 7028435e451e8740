import CatalogStore
import Cryptography
import Engine
import JSON
import Journal
import ObjectStorage
import StepContracts

/// The step `publish`: the title's rows go in with the journal row that records the success.
struct PublishStep: EngineStep {
    let contract = StepContract.publish
    /// Scheme and authority of the viewers' service.
    let viewerURL: String
    /// Holds the list of a package's objects where that is too long for a payload.
    let store: any ObjectStore

    func prepare(execution: String, input: JSON) async throws(StepFailure) -> PreparedStep {
        let problems = contract.problems(withInput: input)
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        let package = try await package(in: input)
        let statement: PublishStatement
        do throws(PublishError) {
            statement = try PublishStatement(
                titleID: Self.titleID(of: execution), executionID: execution, title: Self.title(of: input),
                metadata: input["metadata"], package: package, thumbnails: input["thumbnails"],
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

    /// The package with the list of its objects in place.
    private func package(in input: JSON) async throws(StepFailure) -> JSON {
        guard var package = input["package"] else { return .null }
        guard let list = package["objects"]?["list"] else { return package }
        guard let key = list["key"]?.stringValue, let sha256 = list["sha256"]?.stringValue else {
            throw .parametersInvalid("package.objects.list is no object reference")
        }
        do {
            let bytes = try await store.get(key, range: nil, maxBytes: 32 << 20)
            guard SHA256.hash(bytes).hex == sha256 else {
                throw StepFailure.storageUnavailable("\(key) does not have the checksum it was stored with")
            }
            package["objects"] = try JSON(parsing: bytes)
            return package
        } catch let failure as StepFailure {
            throw failure
        } catch let error as ObjectStorageError {
            throw .storageUnavailable("The list of the package's objects can't be read: \(error.message)")
        } catch {
            throw .parametersInvalid("\(key) is no list of objects: \(error)")
        }
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
