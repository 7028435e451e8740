public import JSON
public import Postgres

/// One published set of model and rankings.
public struct RecommendationGeneration: Sendable, Equatable {
    public let number: Int64
    /// RFC 3339, UTC.
    public let publishedAt: String
    /// `{model, rankings, trending, cutoff, recipe, metrics}`
    public let document: JSON
}

/// Which generation of recommendations answers. Changed by the data worker alone, each time in one statement.
public struct GenerationTable: Sendable {
    /// Generations that are kept at most, beside the one in service.
    public static let kept = 100

    private let query: CatalogReader.Query

    public init(query: @escaping CatalogReader.Query) { self.query = query }

    private static let columns = """
        generation.number, generation.document,
        to_char(generation.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS published_at
        """

    /// The generation in service; nil before the first.
    public func inService() async throws(PostgresError) -> RecommendationGeneration? {
        try await query(
            """
            SELECT \(Self.columns) FROM \(CatalogStore.schema).recommendation_service AS service
            JOIN \(CatalogStore.schema).recommendation_generation AS generation
                ON generation.number = service.generation
            """, []
        ).first.map(Self.generation)
    }

    /// All generations, newest first.
    public func all() async throws(PostgresError) -> [RecommendationGeneration] {
        try await query(
            """
            SELECT \(Self.columns) FROM \(CatalogStore.schema).recommendation_generation AS generation
            ORDER BY generation.number DESC
            """, []
        ).map(Self.generation)
    }

    /// Its number alone, for those who ask often; nil before the first.
    public func numberInService() async throws(PostgresError) -> Int64? {
        try await query(
            "SELECT generation FROM \(CatalogStore.schema).recommendation_service WHERE id = 1", []
        ).first?.optionalInt("generation")
    }

    /// Publishes a generation and puts it in service; one that a run has published already stays as it is, and what has
    /// been put in service since as well.
    ///
    /// - Parameter execution: the run's id.
    /// - Returns: the run's generation, and the one that was in service before this call.
    public func publish(
        _ document: JSON, execution: String
    ) async throws(PostgresError) -> (number: Int64, previous: Int64?) {
        let schema = CatalogStore.schema
        let row = try await query(
            """
            WITH before AS (
                SELECT generation FROM \(schema).recommendation_service WHERE id = 1
            ), made AS (
                INSERT INTO \(schema).recommendation_generation (execution_id, document) VALUES ($1, $2)
                ON CONFLICT (execution_id) DO NOTHING RETURNING number
            ), turned AS (
                UPDATE \(schema).recommendation_service
                SET generation = made.number, execution_id = $1, changed_at = now()
                FROM made WHERE recommendation_service.id = 1
            )
            SELECT before.generation AS previous, coalesce(
                (SELECT number FROM made),
                (SELECT number FROM \(schema).recommendation_generation WHERE execution_id = $1)) AS number
            FROM before
            """, [.text(execution), .text(document.text)])[0]
        guard let number = row.optionalInt("number") else {
            // Somebody else's statement of the same run has inserted it and is not yet seen: it will be.
            throw PostgresError(
                outcome: .refused(sqlstate: "40001"),
                message: "the generation of run \(execution) is being published by another attempt")
        }
        return (number, row.optionalInt("previous"))
    }

    /// Puts an earlier generation in service again.
    ///
    /// - Parameters:
    ///   - number: which; nil takes the latest one before that in service.
    ///   - execution: the run's id; a run that has done so already changes nothing.
    /// - Returns: which is in service now and which was before; nil where there is none to go back to.
    public func rollBack(
        to number: Int64?, execution: String
    ) async throws(PostgresError) -> (number: Int64, previous: Int64?)? {
        let schema = CatalogStore.schema
        let row = try await query(
            """
            WITH before AS (
                SELECT generation, execution_id FROM \(schema).recommendation_service WHERE id = 1
            ), target AS (
                SELECT number FROM \(schema).recommendation_generation, before
                WHERE CASE WHEN $2::bigint IS NULL THEN number < before.generation ELSE number = $2::bigint END
                ORDER BY number DESC LIMIT 1
            ), turned AS (
                UPDATE \(schema).recommendation_service
                SET generation = target.number, execution_id = $1, changed_at = now()
                FROM target
                WHERE recommendation_service.id = 1 AND recommendation_service.execution_id IS DISTINCT FROM $1
                RETURNING recommendation_service.generation
            )
            SELECT before.generation AS previous, coalesce(
                (SELECT generation FROM turned),
                CASE WHEN before.execution_id = $1 THEN before.generation END) AS number
            FROM before
            """, [.text(execution), .optional(number)])[0]
        return row.optionalInt("number").map { ($0, row.optionalInt("previous")) }
    }

    /// Forgets all but the newest generations and the one in service. Gives how many it forgot.
    public func forget(keeping count: Int) async throws(PostgresError) -> Int {
        let schema = CatalogStore.schema
        let result = try await query(
            """
            WITH forgotten AS (
                DELETE FROM \(schema).recommendation_generation
                WHERE number NOT IN (
                    SELECT number FROM \(schema).recommendation_generation ORDER BY number DESC LIMIT $1)
                    AND number IS DISTINCT FROM (
                        SELECT generation FROM \(schema).recommendation_service WHERE id = 1)
                RETURNING 1
            )
            SELECT count(*) AS forgotten FROM forgotten
            """, [.int(Int64(count))])
        return Int(result[0].int("forgotten"))
    }

    private static func generation(_ row: PostgresRow) -> RecommendationGeneration {
        do {
            return RecommendationGeneration(
                number: row.int("number"), publishedAt: row.text("published_at"),
                document: try JSON(parsing: row.text("document")))
        } catch {
            preconditionFailure("generation \(row.int("number")) of the catalogue holds no JSON: \(error)")
        }
    }
}
