-- The merged flights in BigQuery, read in place: nothing is copied, nothing has to be kept in step but the manifest,
-- which the compactor does. Replace PROJECT, DATASET and BUCKET. No hive partitioning is declared: the month is in the
-- names of folders only to spread them, and the columns are all in the files.
--
-- What is not there: the tail, that is the events since the last compaction.

CREATE OR REPLACE EXTERNAL TABLE `PROJECT.DATASET.month_files` (
  -- columns: written by tools.fields
  flight_date DATE,
  carrier STRING,
  flight_number INT64,
  operational_suffix STRING,
  origin STRING,
  destination STRING,
  diverted_to STRING,
  scheduled_departure TIMESTAMP,
  scheduled_departure_hour INT64,
  scheduled_arrival TIMESTAMP,
  actual_departure TIMESTAMP,
  actual_arrival TIMESTAMP,
  status STRING,
  departure_delay_minutes INT64,
  arrival_delay_minutes INT64,
  air_time_minutes INT64,
  distance_km INT64,
  tail_number STRING,
  event_time TIMESTAMP,
  publish_time TIMESTAMP,
  message_id STRING,
  message_line INT64,
  decoder_version INT64
  -- end of columns
)
OPTIONS (
  format = 'PARQUET',
  uris = ['gs://BUCKET/flights.manifest'],
  file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST'
);

CREATE OR REPLACE VIEW `PROJECT.DATASET.flights` AS
SELECT *
FROM `PROJECT.DATASET.month_files`
WHERE status <> 'void' AND carrier <> 'ZZ';  -- withdrawn flights, and probes
