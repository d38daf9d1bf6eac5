-- The gateway's own account: it may read hospital C's tables and nothing else. Run again, it sets the password anew.
-- sqlcmd puts $(ACCOUNT_PASSWORD) in; the service `settings` allows no sign that SQL or sqlcmd would read.
IF SUSER_ID(N'gateway') IS NULL
    CREATE LOGIN gateway WITH PASSWORD = N'$(ACCOUNT_PASSWORD)';
ELSE
    ALTER LOGIN gateway WITH PASSWORD = N'$(ACCOUNT_PASSWORD)';
GO
IF USER_ID(N'gateway') IS NULL
    CREATE USER gateway FOR LOGIN gateway;
ALTER ROLE db_datareader ADD MEMBER gateway;
GO
