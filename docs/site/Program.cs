using Connectors.DocsSite;

if (args is ["--help" or "-h"] or not [_, _])
{
    Console.Error.WriteLine("usage: DocsSite REPOSITORY FOLDER: builds the pages of the repository into a folder; exit code 1 if a link leads nowhere");
    return args is ["--help" or "-h"] ? 0 : 2;
}

var site = Site.Read(args[0]);
site.Write(args[1]);
foreach (var fault in site.Faults)
{
    Console.Error.WriteLine(fault);
}

Console.WriteLine($"{site.Pages.Count} pages, {site.Faults.Count} broken links: {Path.Combine(args[1], "index.html")}");
return site.Faults.Count == 0 ? 0 : 1;
