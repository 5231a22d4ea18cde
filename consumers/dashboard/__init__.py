"""A live web page of all that lies in the topics: records, books, faults, and how the job keeps up."""
