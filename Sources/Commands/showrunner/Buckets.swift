import Engine
import JSON
import ObjectStorage
import Triggers

/// The buckets that definitions name, reached as the S3 store is: with the endpoint and the credentials of the
/// environment.
struct Buckets: ItemSource, ResultSink, BucketVersions {
    /// See ``openStore(_:environment:)``.
    let environment: [String: String]

    func object(bucket: String, key: String, maximumBytes: Int) async throws(StorageRefusal) -> [UInt8] {
        let store = try self.store(bucket)
        do throws(ObjectStorageError) {
            let info = try await store.head(key)
            guard info.bytes <= Int64(maximumBytes) else {
                throw ObjectStorageError(
                    .tooLarge, "The object \(key) has \(info.bytes) bytes; the limit is \(maximumBytes).")
            }
            return try await store.get(key, range: nil, maxBytes: maximumBytes)
        } catch {
            throw StorageRefusal(message: error.message, isTransient: error.isTransient)
        }
    }

    func objects(bucket: String, prefix: String, after: String?) async throws(StorageRefusal) -> ListedObjects {
        let store = try self.store(bucket)
        do throws(ObjectStorageError) {
            let page = try await store.list(prefix: prefix, after: after, limit: 1000)
            // The members that the service's items have, by its names.
            // Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
            let items = page.objects.map { object in
                JSON.members(
                    ("Etag", object.entityTag.map(JSON.string)), ("Key", .string(object.key)),
                    ("LastModified", object.modifiedAt.map(JSON.integer)), ("Size", .integer(object.bytes)),
                    ("StorageClass", "STANDARD"))
            }
            return ListedObjects(items: items, next: page.next)
        } catch {
            throw StorageRefusal(message: error.message, isTransient: error.isTransient)
        }
    }

    func put(_ bytes: [UInt8], bucket: String, key: String, contentType: String) async throws(StorageRefusal) {
        let store = try self.store(bucket)
        do throws(ObjectStorageError) {
            _ = try await store.put(.bytes(bytes), key: key, contentType: contentType, sha256: nil)
        } catch {
            throw StorageRefusal(message: error.message, isTransient: error.isTransient)
        }
    }

    func versions(
        of bucket: String, after mark: ObjectVersionPage.Mark?
    ) async throws(TriggerError) -> (versions: [BucketVersion], next: ObjectVersionPage.Mark?) {
        do throws(ObjectStorageError) {
            guard let store = try openStore("s3://\(bucket)", environment: environment) as? S3Store else {
                preconditionFailure("what begins with s3: is an S3 store")
            }
            let page = try await store.listVersions(after: mark)
            return (
                page.versions.map { version in
                    BucketVersion(
                        key: version.key, versionID: version.versionID, bytes: version.bytes,
                        modifiedAt: version.modifiedAt, entityTag: version.entityTag)
                }, page.next
            )
        } catch {
            throw TriggerError(.source, error.message)
        }
    }

    private func store(_ bucket: String) throws(StorageRefusal) -> any ObjectStore {
        do throws(ObjectStorageError) {
            return try openStore("s3://\(bucket)", environment: environment)
        } catch {
            throw StorageRefusal(message: error.message)
        }
    }
}
