module viewshed

go 1.21
