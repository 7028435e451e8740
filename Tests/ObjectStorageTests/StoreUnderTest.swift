import Foundation
import ObjectStorage
import TemporaryFolder
import Testing

/// The stores that every conformance case runs against.
enum StoreUnderTest: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case directory
    case s3

    static var available: [StoreUnderTest] { S3Server.kind == nil ? [.directory] : [.directory, .s3] }

    var testDescription: String { rawValue }

    /// Runs a case with an empty store and a scratch folder of its own.
    func withStore(_ body: (any ObjectStore, TemporaryFolder) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
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
