-- The merged flights in BigQuery, read in place: the Delta table of the lake, as of the last merge. Nothing is copied and
-- nothing has to be kept in step: BigQuery reads the table's log at each query. Replace PROJECT, DATASET, REGION and BUCKET.
--
-- BigQuery reads the bucket as the identity of a connection. Once, before:
--   bq mk --connection --location=REGION --connection_type=CLOUD_RESOURCE flights-lake
-- and give the service account that `bq show --connection` names roles/storage.objectViewer on the bucket.
--
-- What is not there: the tail, that is the events since the last compaction.

CREATE OR REPLACE EXTERNAL TABLE `PROJECT.DATASET.merged`
WITH CONNECTION `PROJECT.REGION.flights-lake`
OPTIONS (format = 'DELTA_LAKE', uris = ['gs://BUCKET/flights']);

CREATE OR REPLACE VIEW `PROJECT.DATASET.flights` AS
SELECT *
FROM `PROJECT.DATASET.merged`
WHERE status <> 'void' AND carrier <> 'ZZ';  -- withdrawn flights and probes: in files older than format 2 only
