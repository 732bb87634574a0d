namespace Connectors.Sdk.Hosting;

/// <summary>A setting proved wrong only after start (a foreign stream, a server too old). The service says the message and exits with code 2.</summary>
public sealed class ConfigurationException : Exception
{
    /// <summary>Creates the exception without a message.</summary>
    public ConfigurationException()
    {
    }

    /// <summary>Creates the exception; the message names the field and the fix.</summary>
    public ConfigurationException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its cause.</summary>
    public ConfigurationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
