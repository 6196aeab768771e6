//! What Millrace reads: CSV files and folders
