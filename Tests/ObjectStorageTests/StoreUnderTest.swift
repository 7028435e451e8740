import Foundation
import ObjectStorage
import Testing

/// The stores that every conformance case runs against.
enum StoreUnderTest: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case directory
    case s3

    static var available: [StoreUnderTest] { S3Server.kind == nil ? [.directory] : [.directory, .s3] }

    var testDescription: String { rawValue }

    /// Runs a case with an empty store and a scratch folder of its own.
    func withStore(_ body: (any ObjectStore, ScratchFolder) async throws -> Void) async throws {
        let folder = try ScratchFolder()
        switch self {
        case .directory:
            let store = try openStore("\(folder.path)/objects", environment: [:])
            try await store.prepare()
            try await body(store, folder)
        case .s3:
            let server = try await S3Server.shared.value
            let store = try openStore(
                "s3://\(S3Server.bucket)/tests/\(UUID().uuidString)/", environment: server.environment)
            try await store.prepare()
            try await body(store, folder)
        }
    }
}

/// A folder for one test, removed with everything in it.
final class ScratchFolder: Sendable {
    let path: String

    init() throws {
        path = "\(FileManager.default.temporaryDirectory.path)/showrunner-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            preconditionFailure("The test folder \(path) cannot be removed: \(error)")
        }
    }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))) }

    /// The names in the folder, or in one below it.
    func names(_ below: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(below)").sorted()
    }
}
