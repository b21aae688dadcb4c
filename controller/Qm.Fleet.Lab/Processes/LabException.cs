namespace Qm.Fleet.Lab.Processes;

/// <summary>The lab cannot do what it was asked; the message tells a person what, why and what to do.</summary>
internal sealed class LabException(string message, Exception? cause = null) : Exception(message, cause);
